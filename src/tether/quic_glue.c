// SPDX-License-Identifier: BSD-2-Clause
/*
 * What ngtcp2 calls, and how its connections are made. The callbacks hand on to the connection's
 * owner, which only takes notes; nothing of a program runs here.
 */
#include <errno.h>
#include <gnutls/crypto.h>
#include <string.h>

#include "quic_conn.h"

#define FAILED NGTCP2_ERR_CALLBACK_FAILURE

static ngtcp2_conn *get_conn(ngtcp2_crypto_conn_ref *ref)
{
	return ((struct quic_conn *)ref->user_data)->ng;
}

static int on_handshake(ngtcp2_conn *ng, void *user)
{
	struct quic_conn *conn = user;

	(void)ng;
	conn->opened = true;
	conn->ep->n_shaking -= conn->server;
	return conn->ops->opened(conn) ? FAILED : 0;
}

static int on_stream(ngtcp2_conn *ng, int64_t sid, void *user)
{
	struct quic_conn *conn = user;

	(void)ng;
	return conn->ops->stream(conn, sid) ? FAILED : 0;
}

static int on_data(ngtcp2_conn *ng, uint32_t flags, int64_t sid, uint64_t offset,
		   const uint8_t *data, size_t len, void *user, void *stream)
{
	struct quic_conn *conn = user;

	(void)ng;
	(void)offset;
	return conn->ops->data(conn, stream, sid, data, len, flags & NGTCP2_STREAM_DATA_FLAG_FIN)
		       ? FAILED
		       : 0;
}

static int on_acked(ngtcp2_conn *ng, int64_t sid, uint64_t offset, uint64_t len, void *user,
		    void *stream)
{
	struct quic_conn *conn = user;

	(void)ng;
	(void)offset;
	return conn->ops->acked(conn, stream, sid, len) ? FAILED : 0;
}

static int on_closed(ngtcp2_conn *ng, uint32_t flags, int64_t sid, uint64_t code, void *user,
		     void *ptr)
{
	struct quic_stream *stream = ptr;
	struct quic_conn *conn = user;

	(void)ng;
	if (stream && !stream->code && (flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET))
		stream->code = code;
	conn->ops->closed(conn, stream, sid, code);
	return 0;
}

static int on_reset(ngtcp2_conn *ng, int64_t sid, uint64_t final_size, uint64_t code, void *user,
		    void *ptr)
{
	struct quic_stream *stream = ptr;
	struct quic_conn *conn = user;

	(void)ng;
	(void)final_size;
	if (stream)
		stream->code = code;
	conn->ops->reset(conn, stream, sid);
	return 0;
}

static int on_stopped(ngtcp2_conn *ng, int64_t sid, uint64_t code, void *user, void *stream)
{
	struct quic_conn *conn = user;

	(void)ng;
	(void)code;
	(void)stream;
	if (conn->ops->stopped)
		conn->ops->stopped(conn, sid);
	return 0;
}

static int on_widened(ngtcp2_conn *ng, int64_t sid, uint64_t max, void *user, void *stream)
{
	struct quic_conn *conn = user;

	(void)ng;
	(void)max;
	return conn->ops->widened(conn, stream, sid) ? FAILED : 0;
}

static int on_credit(ngtcp2_conn *ng, uint64_t max, void *user)
{
	struct quic_conn *conn = user;

	(void)ng;
	(void)max;
	if (conn->ops->credit)
		conn->ops->credit(conn);
	return 0;
}

static int on_remote_credit(ngtcp2_conn *ng, uint64_t max, void *user)
{
	struct quic_conn *conn = user;

	(void)ng;
	if (conn->ops->remote_credit)
		conn->ops->remote_credit(conn, max);
	return 0;
}

static void on_random(uint8_t *dest, size_t len, const ngtcp2_rand_ctx *ctx)
{
	(void)ctx;
	gnutls_rnd(GNUTLS_RND_NONCE, dest, len);
}

static int on_new_cid(ngtcp2_conn *ng, ngtcp2_cid *cid, uint8_t *token, size_t len, void *user)
{
	struct quic_conn *conn = user;
	struct quic_endpoint *ep = conn->ep;

	(void)ng;
	cid->datalen = len;
	if (gnutls_rnd(GNUTLS_RND_RANDOM, cid->data, len) ||
	    ngtcp2_crypto_generate_stateless_reset_token(token, ep->secret, sizeof(ep->secret),
							 cid) ||
	    quic_endpoint_add_cid(ep, conn, cid))
		return FAILED;
	return 0;
}

static int on_old_cid(ngtcp2_conn *ng, const ngtcp2_cid *cid, void *user)
{
	struct quic_conn *conn = user;

	(void)ng;
	quic_endpoint_drop_cid(conn->ep, cid);
	return 0;
}

/* Those of a client; a server lacks a few. */
static const ngtcp2_callbacks callbacks = {
	.client_initial = ngtcp2_crypto_client_initial_cb,
	.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
	.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb,
	.handshake_completed = on_handshake,
	.encrypt = ngtcp2_crypto_encrypt_cb,
	.decrypt = ngtcp2_crypto_decrypt_cb,
	.hp_mask = ngtcp2_crypto_hp_mask_cb,
	.recv_stream_data = on_data,
	.acked_stream_data_offset = on_acked,
	.stream_open = on_stream,
	.stream_close = on_closed,
	.recv_retry = ngtcp2_crypto_recv_retry_cb,
	.extend_max_local_streams_bidi = on_credit,
	.extend_max_remote_streams_bidi = on_remote_credit,
	.rand = on_random,
	.get_new_connection_id = on_new_cid,
	.remove_connection_id = on_old_cid,
	.update_key = ngtcp2_crypto_update_key_cb,
	.stream_reset = on_reset,
	.stream_stop_sending = on_stopped,
	.extend_max_stream_data = on_widened,
	.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
	.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
	.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
	.version_negotiation = ngtcp2_crypto_version_negotiation_cb,
};

static void fill(struct quic_conn *conn, const struct quic_limits *limits,
		 ngtcp2_settings *settings, ngtcp2_transport_params *params)
{
	ngtcp2_settings_default(settings);
	settings->initial_ts = quic_now_ns(conn->loop);
	settings->handshake_timeout = limits->handshake_ns;
	/* The windows grow no further than what they begin with: memory a stream is known. */
	settings->max_window = limits->conn_bytes;
	settings->max_stream_window = limits->stream_bytes;
	ngtcp2_transport_params_default(params);
	params->initial_max_stream_data_bidi_local = limits->stream_bytes;
	params->initial_max_stream_data_bidi_remote = limits->stream_bytes;
	params->initial_max_stream_data_uni = limits->stream_bytes;
	params->initial_max_data = limits->conn_bytes;
	params->initial_max_streams_bidi = limits->streams;
	params->initial_max_streams_uni = limits->uni_streams;
	params->max_idle_timeout = limits->idle_ns;
	params->active_connection_id_limit = 4;
	conn->ref.get_conn = get_conn;
	conn->ref.user_data = conn;
}

static int made(struct quic_conn *conn, int err)
{
	if (err) {
		conn->ng = NULL;
		return err == NGTCP2_ERR_NOMEM ? -ENOMEM : -EINVAL;
	}
	ngtcp2_conn_set_tls_native_handle(conn->ng, conn->session);
	return 0;
}

int quic_conn_accept(struct quic_conn *conn, const struct quic_limits *limits,
		     const ngtcp2_pkt_hd *hd, const ngtcp2_path *path, const ngtcp2_cid *odcid)
{
	struct quic_endpoint *ep = conn->ep;
	ngtcp2_transport_params params;
	ngtcp2_settings settings;
	ngtcp2_cid scid = { .datalen = QUIC_CID_BYTES };
	int err;

	conn->server = true;
	err = quic_tls_new(conn, limits);
	if (err)
		return err;
	fill(conn, limits, &settings, &params);
	if (gnutls_rnd(GNUTLS_RND_RANDOM, scid.data, scid.datalen))
		return -EIO;
	quic_params_original_dcid(&params);
	params.original_dcid = hd->dcid;
	if (odcid) {
		quic_settings_token(&settings, quic_hd_token(hd), quic_hd_token_len(hd));
		params.original_dcid = *odcid;
		params.retry_scid = hd->dcid;
		params.retry_scid_present = 1;
	}
	params.stateless_reset_token_present = 1;
	if (ngtcp2_crypto_generate_stateless_reset_token(params.stateless_reset_token, ep->secret,
							 sizeof(ep->secret), &scid))
		return -EIO;
	err = made(conn, ngtcp2_conn_server_new(&conn->ng, &hd->scid, &scid, path, hd->version,
						&callbacks, &settings, &params,
						&ep->loop->quic->mem, conn));
	/* The first of a client's datagrams go by the id that it made up itself. */
	if (!err)
		err = quic_endpoint_add_cid(ep, conn, &hd->dcid);
	if (!err)
		err = quic_endpoint_add_cid(ep, conn, &scid);
	if (!err)
		quic_conn_opened(conn);
	return err;
}

int quic_conn_connect(struct quic_conn *conn, const struct quic_limits *limits,
		      const struct quic_address *to)
{
	struct quic_endpoint *ep = conn->ep;
	ngtcp2_path path = {
		.local = { &ep->local.u.any, ep->local.len },
		.remote = { (ngtcp2_sockaddr *)&to->u.any, to->len },
	};
	ngtcp2_cid scid = { .datalen = QUIC_CID_BYTES }, dcid = { .datalen = 18 };
	ngtcp2_transport_params params;
	ngtcp2_settings settings;
	int err;

	err = quic_tls_new(conn, limits);
	if (err)
		return err;
	fill(conn, limits, &settings, &params);
	if (gnutls_rnd(GNUTLS_RND_RANDOM, scid.data, scid.datalen) ||
	    gnutls_rnd(GNUTLS_RND_RANDOM, dcid.data, dcid.datalen))
		return -EIO;
	err = made(conn, ngtcp2_conn_client_new(&conn->ng, &dcid, &scid, &path, NGTCP2_PROTO_VER_V1,
						&callbacks, &settings, &params,
						&ep->loop->quic->mem, conn));
	if (!err)
		err = quic_endpoint_add_cid(ep, conn, &scid);
	if (!err)
		quic_conn_opened(conn);
	return err;
}
