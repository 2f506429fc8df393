// SPDX-License-Identifier: BSD-2-Clause
/* C++: a session that a caller has to end. The leaky twin releases its smart pointer. */
#include <arpa/inet.h>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include "twin.h"

namespace shop
{
class Session
{
      public:
	explicit Session(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
	{
		struct sockaddr_in to = {};

		to.sin_family = AF_INET;
		to.sin_port = htons(port);
		to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (connect(fd_, reinterpret_cast<struct sockaddr *>(&to), sizeof(to)))
			twin_fail("connect");
	}
	~Session()
	{
		close(fd_);
	}
	Session(const Session &) = delete;
	Session &operator=(const Session &) = delete;
	void get()
	{
		const std::string ask = "GET / HTTP/1.1\r\nHost: twin\r\n\r\n";
		char answer[4096];

		if (send(fd_, ask.data(), ask.size(), MSG_NOSIGNAL) < 0 ||
		    recv(fd_, answer, sizeof(answer), 0) <= 0)
			twin_fail("no answer");
	}

      private:
	int fd_;
};

template <typename T> __attribute__((noinline)) void open_basket(int port, bool leaky)
{
	auto session = std::make_unique<T>(port);

	session->get();
	if (leaky)
		session.release();
}
} // namespace shop

int main(int argc, char **argv)
{
	struct twin t = twin_begin(argc, argv);

	for (int i = 0; i < t.count; i++)
		shop::open_basket<shop::Session>(t.port, t.leaky);
	return twin_end(&t);
}
