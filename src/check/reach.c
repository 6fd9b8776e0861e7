/* SPDX-License-Identifier: Apache-2.0 */
#include "check/reach.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static socklen_t parse(const char *address, guint16 port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	g_autofree char *bare = g_strdup(*address == '[' ? address + 1 : address);

	memset(ret, 0, sizeof(*ret));
	if (*address == '[' && g_str_has_suffix(bare, "]"))
		bare[strlen(bare) - 1] = '\0';
	if (inet_pton(AF_INET, bare, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, bare, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return sizeof(*v6);
	}
	return 0;
}

/* The number of an error; 0: connected. */
static int finish(int fd, guint timeout_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	int code = 0, n;
	socklen_t size = sizeof(code);

	do
		n = poll(&wait, 1, (int)timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return ETIMEDOUT;
	if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
		return errno;
	return code;
}

Reach reach_try(const char *address, guint16 port, guint timeout_ms, char **ret_words)
{
	struct sockaddr_storage there;
	const socklen_t size = parse(address, port, &there);
	int fd, code = 0;

	*ret_words = NULL;
	if (size == 0)
		return REACH_NOT_TRIED;
	fd = socket(there.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		*ret_words = g_strdup(g_strerror(errno));
		return REACH_SILENT;
	}
	if (connect(fd, (const struct sockaddr *)&there, size) < 0)
		code = errno == EINPROGRESS ? finish(fd, timeout_ms) : errno;
	(void)close(fd);
	if (code == 0 || code == ECONNREFUSED || code == ECONNRESET)
		return REACH_ANSWERS;
	*ret_words = g_strdup(g_strerror(code));
	return REACH_SILENT;
}
