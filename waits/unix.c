/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock_diag(7), by linux/netlink.h, linux/sock_diag.h and linux/unix_diag.h, which musl's
 * compiler does not see.  Inodes of sockets are unique in the kernel, so an answer is of the
 * socket that was meant, whatever namespace that is in.
 */
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util.h"
#include "waits/unix.h"

enum { NETLINK_SOCK_DIAG = 4, SOCK_DIAG_BY_FAMILY = 20, NLM_F_REQUEST = 1 };
enum { SHOW_NAME = 1, SHOW_PEER = 4, SHOW_QUEUES = 16 };
enum { NAME = 0, PEER = 2, QUEUES = 4 }; /* attributes */
enum { LISTEN = 10 };

struct header { /* of each message */
	uint32_t len;
	uint16_t type, flags;
	uint32_t number, port;
};

struct request {
	struct header header;
	uint8_t family, protocol;
	uint16_t pad;
	uint32_t states, inode, show, cookie[2];
};

struct answer {
	struct header header;
	uint8_t family, type, state, pad;
	uint32_t inode, cookie[2];
};

struct attribute { /* what follows is padded to four bytes */
	uint16_t len, type;
};

static int netlink = -1;

void
unix_prepare(void)
{
	if (netlink < 0)
		netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
}

void
unix_path(const char *name, size_t len, struct buf *out)
{
	if (len && !*name) {
		buf_str(out, "@");
		name++;
		len--;
	} else {
		len = strnlen(name, len);
	}
	buf_visible(out, name, len);
}

static void
take_attribute(struct unix_socket *s, unsigned type, const char *bytes, size_t len,
               struct buf *path)
{
	if (type == NAME)
		unix_path(bytes, len, path);
	else if (type == PEER && len == sizeof s->peer)
		memcpy(&s->peer, bytes, len);
	else if (type == QUEUES && len >= sizeof s->to_accept)
		memcpy(&s->to_accept, bytes, sizeof s->to_accept);
}

static void
take_attributes(struct unix_socket *s, const char *p, const char *end, struct buf *path)
{
	struct attribute a;
	size_t left = (size_t)(end - p), whole;

	for (; left >= sizeof a; p += whole, left -= whole) {
		memcpy(&a, p, sizeof a);
		if (a.len < sizeof a || a.len > left)
			return;
		take_attribute(s, a.type, p + sizeof a, a.len - sizeof a, path);
		whole = ((size_t)a.len + 3) & ~(size_t)3;
		if (whole > left)
			return;
	}
}

int
unix_ask(uint64_t inode, struct unix_socket *s, struct buf *path)
{
	static uint32_t number;
	struct request ask = { { sizeof ask, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, ++number, 0 },
	                       AF_UNIX, 0, 0, UINT32_MAX, (uint32_t)inode,
	                       SHOW_NAME | SHOW_PEER | SHOW_QUEUES, { UINT32_MAX, UINT32_MAX } };
	char text[1024];
	struct answer got;
	ssize_t n;

	if (netlink < 0 || inode > UINT32_MAX ||
	    write(netlink, &ask, sizeof ask) != (ssize_t)sizeof ask)
		return 0;
	do {
		n = read(netlink, text, sizeof text);
		if (n < (ssize_t)sizeof got.header)
			return 0;
		memcpy(&got, text, (size_t)n < sizeof got ? (size_t)n : sizeof got);
	} while (got.header.number != number); /* of one that was given up */
	if ((size_t)n < sizeof got || got.header.type != SOCK_DIAG_BY_FAMILY || got.inode != inode)
		return 0;
	*s = (struct unix_socket){ .listens = got.state == LISTEN };
	take_attributes(s, text + sizeof got, text + n, path);
	return 1;
}
