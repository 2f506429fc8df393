// SPDX-License-Identifier: BSD-2-Clause
/*
 * nghttp2_streams leaky|mended N: an HTTP/2 server (without TLS) of libnghttp2, as its tutorials
 * make one, for one client after the other. The leaky one forgets to answer every Nth request,
 * whose stream stays open as long as its connection. Says its pid and its port; when a connection
 * ends, how many streams it has had and how many it has left open. Ends with its standard input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct server {
	int fd;
	long every; /* 0: all are answered */
	long opened, closed;
};

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t len, int flags,
		       void *arg)
{
	struct server *s = arg;
	ssize_t n = send(s->fd, data, len, MSG_NOSIGNAL);

	(void)session, (void)flags;
	return n < 0 ? NGHTTP2_ERR_CALLBACK_FAILURE : n;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	const nghttp2_nv status = { (uint8_t *)":status", (uint8_t *)"200", 7, 3, 0 };
	struct server *s = arg;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	s->opened++;
	if (s->every && s->opened % s->every == 0)
		return 0;
	return nghttp2_submit_response(session, frame->hd.stream_id, &status, 1, NULL);
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	(void)session, (void)id, (void)code;
	((struct server *)arg)->closed++;
	return 0;
}

static nghttp2_session *new_session(struct server *s)
{
	const nghttp2_settings_entry many = { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100000 };
	nghttp2_session_callbacks *callbacks;
	nghttp2_session *session;

	if (nghttp2_session_callbacks_new(&callbacks))
		return NULL;
	nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	if (nghttp2_session_server_new(&session, callbacks, s))
		session = NULL;
	nghttp2_session_callbacks_del(callbacks);
	if (session && nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, &many, 1)) {
		nghttp2_session_del(session);
		return NULL;
	}
	return session;
}

/* False: our standard input has ended. */
static bool serve(struct server *s)
{
	nghttp2_session *session = new_session(s);
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				{ .fd = s->fd, .events = POLLIN } };
	uint8_t buf[16384];
	char line[16];
	bool ours = true;
	ssize_t n;

	while (session && poll(fds, 2, -1) > 0) {
		if (fds[0].revents && read(STDIN_FILENO, line, sizeof(line)) <= 0) {
			ours = false;
			break;
		}
		if (!fds[1].revents)
			continue;
		n = recv(s->fd, buf, sizeof(buf), 0);
		if (n <= 0 || nghttp2_session_mem_recv(session, buf, (size_t)n) < 0 ||
		    nghttp2_session_send(session))
			break;
	}
	printf("opened %ld left %ld\n", s->opened, s->opened - s->closed);
	fflush(stdout);
	nghttp2_session_del(session);
	return ours;
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	struct server s = { 0 };
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	bool goes_on = true;

	if (argc < 3) {
		fprintf(stderr, "usage: nghttp2_streams leaky|mended N\n");
		if (listener >= 0)
			close(listener);
		return 2;
	}
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 || bind(listener, (void *)&addr, len) || listen(listener, 16) ||
	    getsockname(listener, (void *)&addr, &len)) {
		fprintf(stderr, "nghttp2_streams: %s\n", strerror(errno));
		if (listener >= 0)
			close(listener);
		return 1;
	}
	printf("%d %d\n", getpid(), ntohs(addr.sin_port));
	fflush(stdout);
	while (goes_on) {
		s = (struct server){ .every = strcmp(argv[1], "leaky") ? 0 : atol(argv[2]) };
		s.fd = accept(listener, NULL, NULL);
		if (s.fd < 0)
			break;
		goes_on = serve(&s);
		close(s.fd);
	}
	close(listener);
	return 0;
}
