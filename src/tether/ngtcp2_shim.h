/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ngtcp2 by its names of 1.x, whichever version is installed. The differences of 0.12 (Debian 12)
 * end here.
 */
#pragma once

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#if NGTCP2_VERSION_NUM < 0x010000

#define ngtcp2_ccerr			   ngtcp2_connection_close_error
#define ngtcp2_ccerr_default		   ngtcp2_connection_close_error_default
#define ngtcp2_ccerr_set_application_error ngtcp2_connection_close_error_set_application_error
#define ngtcp2_ccerr_set_transport_error   ngtcp2_connection_close_error_set_transport_error
#define ngtcp2_ccerr_set_liberr		   ngtcp2_connection_close_error_set_transport_error_liberr
#define ngtcp2_ccerr_set_tls_alert	   ngtcp2_connection_close_error_set_transport_error_tls_alert
#define ngtcp2_conn_get_ccerr		   ngtcp2_conn_get_connection_close_error
#define ngtcp2_conn_in_closing_period	   ngtcp2_conn_is_in_closing_period
#define ngtcp2_conn_in_draining_period	   ngtcp2_conn_is_in_draining_period
#define NGTCP2_CCERR_TYPE_APPLICATION	   NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_APPLICATION
#define NGTCP2_CCERR_TYPE_TRANSPORT	   NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_TRANSPORT
#define NGTCP2_MAX_TX_UDP_PAYLOAD_SIZE	   NGTCP2_MAX_PMTUD_UDP_PAYLOAD_SIZE

#define ngtcp2_conn_shutdown_stream_read(conn, flags, id, code) \
	(ngtcp2_conn_shutdown_stream_read)((conn), (id), (code))
#define ngtcp2_conn_shutdown_stream_write(conn, flags, id, code) \
	(ngtcp2_conn_shutdown_stream_write)((conn), (id), (code))

/* The original DCID of a server's parameters was there whenever it was set. */
#define quic_params_original_dcid(params) ((void)(params))
#define quic_settings_token(settings, data, size) \
	((settings)->token = (ngtcp2_vec){ (uint8_t *)(data), (size) })
#define quic_hd_token(hd)     (hd)->token.base
#define quic_hd_token_len(hd) (hd)->token.len

#else

#define quic_params_original_dcid(params) ((params)->original_dcid_present = 1)
#define quic_settings_token(settings, data, size) \
	((settings)->token = (data), (settings)->tokenlen = (size))
#define quic_hd_token(hd)     (hd)->token
#define quic_hd_token_len(hd) (hd)->tokenlen

#endif
