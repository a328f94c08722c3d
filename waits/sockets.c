/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets; see sockets.h. */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "proc.h"
#include "waits/unix.h"
#include "waits/sockets.h"

enum { MOST_SOCKETS = 1 << 18, GOOD_MS = 1000, WORDS = 4, LISTEN = 10 };

struct address {
	uint32_t words[WORDS]; /* as in memory; of IPv4 the first */
	unsigned port;
};

struct socket {
	uint64_t inode;
	const char *protocol;
	struct address local, remote;
	int words;       /* of an address; 0: it has a path, if it is of the family unix */
	unsigned state, received; /* by the kernel, and not by the program */
	size_t path;     /* where that is in `paths` */
};

struct sockets {
	int pid;
	int64_t read; /* when, now_ns(); 0: not yet */
	struct socket *all; /* by inode */
	size_t n, cap;
	struct buf paths;
};

struct sockets *
sockets_new(int pid)
{
	struct sockets *s = xcalloc(1, sizeof *s);

	s->pid = pid;
	return s;
}

void
sockets_free(struct sockets *s)
{
	free(s->all);
	buf_free(&s->paths);
	free(s);
}

/* ---- reading ---- */

static struct socket *
add(struct sockets *s, struct socket socket)
{
	s->all = grow(s->all, s->n, &s->cap, sizeof *s->all);
	s->all[s->n] = socket;
	return &s->all[s->n++];
}

static const char *
skip_blanks(const char *p)
{
	return p + strspn(p, " ");
}

/* The next number of a line. */
static uint64_t
take(const char **p, unsigned base)
{
	uint64_t n = 0;

	*p = skip_blanks(*p);
	if (parse_digits(p, base, &n))
		*p += strcspn(*p, " \n");
	return n;
}

/* "0100007F:1F90", or of IPv6 with four such words. */
static int
take_address(const char **p, struct address *a)
{
	int words = 0;
	char word[9] = { 0 };

	*p = skip_blanks(*p);
	for (; words < WORDS && strspn(*p, "0123456789ABCDEFabcdef") >= 8; words++, *p += 8) {
		const char *at = word;
		uint64_t value = 0;

		memcpy(word, *p, 8);
		parse_digits(&at, 16, &value);
		a->words[words] = (uint32_t)value;
	}
	if (**p != ':')
		return 0;
	++*p;
	a->port = (unsigned)take(p, 16);
	return words;
}

/* "N: LOCAL REMOTE STATE TX:RX TR:WHEN RETRIES UID TIMEOUT INODE ...": Linux v6.1
 * Documentation/networking/proc_net_tcp.rst. */
static void
read_line(struct sockets *s, const char *p, const char *protocol)
{
	struct socket socket = { .protocol = protocol };

	take(&p, 10);
	if (*p++ != ':')
		return;
	socket.words = take_address(&p, &socket.local);
	if (!socket.words || take_address(&p, &socket.remote) != socket.words)
		return;
	socket.state = (unsigned)take(&p, 16);
	take(&p, 16);
	socket.received = *p++ == ':' ? (unsigned)take(&p, 16) : 0;
	take(&p, 16);
	p += strcspn(p, " \n");
	take(&p, 16);
	take(&p, 10);
	take(&p, 10);
	socket.inode = take(&p, 10);
	if (socket.inode)
		add(s, socket);
}

/* "NUM: REFS PROTOCOL FLAGS TYPE STATE INODE [PATH]" */
static void
read_unix_line(struct sockets *s, const char *p, const char *protocol)
{
	struct socket socket = { .protocol = protocol };

	p += strcspn(p, ":\n");
	if (*p++ != ':')
		return;
	for (int i = 0; i < 5; i++)
		take(&p, 16);
	socket.inode = take(&p, 10);
	p = skip_blanks(p);
	socket.path = s->paths.len;
	buf_add(&s->paths, p, strcspn(p, "\n"));
	buf_add(&s->paths, "", 1);
	if (socket.inode)
		add(s, socket);
}

/* "SK PROTOCOL PORT GROUPS RECEIVED SENT DUMP LOCKS DROPS INODE" */
static void
read_netlink_line(struct sockets *s, const char *p, const char *protocol)
{
	/* Linux v6.1 include/uapi/linux/netlink.h */
	static const char *const names[] = { "route", "unused", "usersock", "firewall", "sock_diag",
	                                     "nflog", "xfrm", "selinux", "iscsi", "audit",
	                                     "fib_lookup", "connector", "netfilter", "ip6_fw",
	                                     "dnrtmsg", "kobject_uevent", "generic", "",
	                                     "scsitransport", "ecryptfs", "rdma", "crypto", "smc" };
	struct socket socket = { .protocol = protocol };
	uint64_t which;

	take(&p, 16);
	which = take(&p, 10);
	socket.path = s->paths.len;
	if (which < LEN(names))
		buf_str(&s->paths, names[which]);
	buf_add(&s->paths, "", 1);
	for (int i = 0; i < 7; i++)
		take(&p, 16);
	socket.inode = take(&p, 10);
	if (socket.inode)
		add(s, socket);
}

struct table {
	const char *file, *protocol;
	void (*read)(struct sockets *, const char *line, const char *protocol);
};

static void
read_table(struct sockets *s, const struct table *table)
{
	struct buf text = { 0 };
	char path[16];

	text_format(path, sizeof path, "net/%s", table->file);
	if (!proc_read(s->pid, path, &text)) {
		buf_terminate(&text);
		for (const char *p = strchr(text.data, '\n'); p && p[1] && s->n < MOST_SOCKETS;
		     p = strchr(p + 1, '\n'))
			table->read(s, p + 1, table->protocol);
	}
	buf_free(&text);
}

static int
compare(const void *pa, const void *pb)
{
	const struct socket *a = pa, *b = pb;

	return a->inode < b->inode ? -1 : a->inode > b->inode;
}

static void
read_tables(struct sockets *s)
{
	static const struct table tables[] = {
		{ "tcp", "tcp", read_line }, { "tcp6", "tcp", read_line }, { "udp", "udp", read_line },
		{ "udp6", "udp", read_line }, { "raw", "raw", read_line }, { "raw6", "raw", read_line },
		{ "icmp", "icmp", read_line }, { "icmp6", "icmp", read_line },
		{ "unix", "unix", read_unix_line }, { "netlink", "netlink", read_netlink_line },
	};

	s->n = s->paths.len = 0;
	for (size_t i = 0; i < LEN(tables); i++)
		read_table(s, &tables[i]);
	sort(s->all, s->n, sizeof *s->all, compare);
	s->read = now_ns();
}

/* ---- words ---- */

static void
add_ipv4(const unsigned char *bytes, struct buf *out)
{
	buf_printf(out, "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
}

static unsigned
group(const unsigned char *bytes, int i)
{
	return (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
}

/* The first zeros of which there are several as "::". */
static void
add_ipv6(const unsigned char *bytes, struct buf *out)
{
	enum { GROUPS = 8 };
	int zeros = 0, colon = 0;

	while (zeros < GROUPS &&
	       (group(bytes, zeros) || zeros == GROUPS - 1 || group(bytes, zeros + 1)))
		zeros++;
	for (int i = 0; i < GROUPS; i++) {
		if (i == zeros) {
			buf_str(out, "::");
			while (i + 1 < GROUPS && !group(bytes, i + 1))
				i++;
			colon = 0;
			continue;
		}
		buf_printf(out, colon ? ":%x" : "%x", group(bytes, i));
		colon = 1;
	}
}

/* ::ffff:1.2.3.4 is IPv4 on a socket of IPv6. */
static void
add_words(const struct address *a, int words, struct buf *out)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	const unsigned char *bytes = (const unsigned char *)a->words;

	if (words == 1) {
		add_ipv4(bytes, out);
	} else if (!memcmp(bytes, mapped, sizeof mapped)) {
		add_ipv4(bytes + sizeof mapped, out);
	} else {
		buf_str(out, "[");
		add_ipv6(bytes, out);
		buf_str(out, "]");
	}
}

static void
add_address(const struct address *a, int words, int plain, struct buf *out)
{
	enum { CHOSEN = 32768 }; /* ip_local_port_range begins there */

	add_words(a, words, out);
	if (plain && a->port >= CHOSEN)
		buf_str(out, ":*");
	else
		buf_printf(out, ":%u", a->port);
}

static void
add_internet(const struct socket *s, int plain, struct buf *out)
{
	/* Linux v6.1 include/net/tcp_states.h */
	static const char *const states[] = { NULL, "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1",
	                                      "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT",
	                                      "LAST_ACK", "LISTEN", "CLOSING" };

	buf_str(out, " ");
	add_address(&s->local, s->words, plain && s->state != LISTEN, out);
	if (s->remote.port) {
		buf_str(out, " \xe2\x86\x92 ");
		add_address(&s->remote, s->words, plain, out);
	}
	if (*s->protocol == 't' && s->state < LEN(states) && states[s->state])
		buf_printf(out, " %s", states[s->state]);
	if (*s->protocol == 't' && s->state == LISTEN && !plain)
		buf_printf(out, ", %u to be accepted", s->received);
}

static const struct socket *
find(const struct sockets *s, uint64_t inode)
{
	const struct socket key = { .inode = inode };

	return s->n ? bsearch(&key, s->all, s->n, sizeof key, compare) : NULL;
}

/* Whether two lines are of one inode.  Who names a socket may put a newline and another line
 * into the name. */
static int
is_doubtful(const struct sockets *s, const struct socket *found)
{
	const struct socket *end = s->all + s->n;

	return (found > s->all && found[-1].inode == found->inode) ||
	       (found + 1 < end && found[1].inode == found->inode);
}

/* In our own network namespace; else the tables have no more than its path. */
static int
describe_unix(uint64_t inode, int plain, uint64_t *peer, struct buf *out)
{
	struct unix_socket own, other;
	struct buf path = { 0 };
	int found = unix_ask(inode, &own, &path);

	if (found) {
		buf_printf(out, path.len ? "unix %s" : "unix", buf_terminate(&path));
		path.len = 0;
		if (own.listens)
			buf_str(out, " LISTEN");
		if (own.listens && !plain)
			buf_printf(out, ", %u to be accepted", own.to_accept);
		if (own.peer && unix_ask(own.peer, &other, &path) && path.len)
			buf_printf(out, " \xe2\x86\x92 %s", buf_terminate(&path));
		*peer = own.peer;
	}
	buf_free(&path);
	return found;
}

static void
describe_found(const struct sockets *s, const struct socket *found, int plain, struct buf *out)
{
	const char *path = s->paths.data + found->path;

	buf_str(out, found->protocol);
	if (is_doubtful(s, found))
		return;
	if (found->words) {
		add_internet(found, plain, out);
	} else if (*path) {
		buf_str(out, " ");
		buf_visible(out, path, strlen(path));
	}
}

int
sockets_describe(struct sockets *s, uint64_t inode, int plain, uint64_t *peer, struct buf *out)
{
	const struct socket *found;

	found = find(s, inode);
	if ((!found || !found->words) && describe_unix(inode, plain, peer, out))
		return 1;
	if (!found && (!s->read || now_ns() - s->read > GOOD_MS * MS)) {
		read_tables(s);
		found = find(s, inode);
	}
	if (found)
		describe_found(s, found, plain, out);
	return found != NULL;
}
