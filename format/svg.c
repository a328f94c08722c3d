/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flame graph as SVG 1.1.  A frame is
 *
 *   <g><title>FUNCTION\nFILE:LINE\nSAMPLES</title><rect/><rect/><text/></g>
 *
 * with a second rectangle where some of its samples, but not all, were idle; the
 * outermost below, those that are called by the same side by side in the order of
 * their names.  page/svg.js has the part that zooms and searches; it knows the
 * frames by just that.  Names may hold anything, so controls are escaped as in all
 * other formats, and then what XML has to have escaped.
 */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"
#include "profile.h"
#include "format/label.h"
#include "format/origin.h"
#include "format/page.h"
#include "format/svg.h"

enum {
	WIDTH = 1200, MARGIN = 10, ROW = 17, TOP = 58, BOTTOM = 34,
	INNER = (WIDTH - 2 * MARGIN) * 100, /* hundredths of a pixel, as all that is wide */
	LETTER = 7230,                      /* thousandths of a pixel */
	NARROWEST = 10,                     /* hundredths: what is drawn at all */
};

/* A box of the graph: a stack of the profile, or one of three more. */
struct box {
	uint32_t stack, parent; /* parent is another box */
	uint32_t depth;
	uint64_t total, idle, before;
	uint64_t start; /* samples to the left of it */
};

struct graph {
	const struct profile *p;
	struct box *boxes; /* as the stacks are numbered, then: idle, failed */
	uint32_t n, deepest;
	uint64_t total, before;
};

static const struct graph *sorting; /* sort's comparison has no room for it */

/* ---- text ---- */

static void
add_xml(struct buf *out, const char *text, size_t len)
{
	const char *end = len ? text + len : text;

	for (; text < end; text++) {
		if (*text == '<')
			buf_str(out, "&lt;");
		else if (*text == '>')
			buf_str(out, "&gt;");
		else if (*text == '&')
			buf_str(out, "&amp;");
		else if (end - text >= 3 && !memcmp(text, "\xef\xbf", 2) &&
		         (unsigned char)text[2] >= 0xbe)
			buf_str(out, "\xef\xbf\xbd"), text += 2; /* U+FFFE and U+FFFF are not XML */
		else
			buf_add(out, text, 1);
	}
}

static void
add_text(struct buf *out, const char *text)
{
	struct buf name = { 0 };

	buf_visible(&name, text, strlen(text));
	add_xml(out, name.data, name.len);
	buf_free(&name);
}

static void
add_string(struct buf *out, const struct profile *p, uint32_t string)
{
	size_t len;
	const char *text = profile_string_get(p, string, &len);

	buf_visible(out, text, len);
}

/* What a box is called, not yet escaped for XML. */
static void
name_of(const struct graph *g, uint32_t box, struct buf *out)
{
	if (!box)
		buf_str(out, "all");
	else if (box == g->n - 2)
		buf_str(out, "(idle)");
	else if (box == g->n - 1)
		buf_str(out, "(failed)");
	else
		add_string(out, g->p, profile_frame_get(g->p, profile_stack_frame(g->p, box)).function);
}

/* Its file and line, where it has them. */
static void
place_of(const struct graph *g, uint32_t box, struct buf *out)
{
	struct profile_frame f;

	if (!box || box >= g->n - 2)
		return;
	f = profile_frame_get(g->p, profile_stack_frame(g->p, box));
	if (f.file == PROFILE_NO_FILE)
		return;
	add_string(out, g->p, f.file);
	if (f.line)
		buf_printf(out, ":%d", f.line);
}

/* whole * n / total, of counts so large that the product may be too much. */
static uint64_t
part_of(uint64_t whole, uint64_t n, uint64_t total)
{
	for (; n > UINT64_MAX / whole; n >>= 1)
		total >>= 1;
	return whole * n / total;
}

/* "12.34 %" */
static void
add_share(struct buf *out, uint64_t n, uint64_t total)
{
	uint64_t share = total ? part_of(10000, n, total) : 0;

	buf_printf(out, "%" PRIu64 ".%02" PRIu64 " %%", share / 100, share % 100);
}

/* ", 1250 ms": what samples took. */
static void
add_time(struct buf *out, const struct profile *p, uint64_t samples)
{
	uint64_t ms = ((uint64_t)profile_ns(p, samples) + 500000) / 1000000;

	if (ms)
		buf_printf(out, ", %" PRIu64 " ms", ms);
}

static void
add_hundredths(struct buf *out, const char *name, uint64_t n)
{
	buf_printf(out, " %s=\"%" PRIu64 ".%02" PRIu64 "\"", name, n / 100, n % 100);
}

/* ---- the graph ---- */

static int
compare_names(uint32_t a, uint32_t b)
{
	struct buf name_a = { 0 }, name_b = { 0 };
	int result;

	name_of(sorting, a, &name_a);
	name_of(sorting, b, &name_b);
	buf_str(&name_a, "\n");
	buf_str(&name_b, "\n");
	place_of(sorting, a, &name_a);
	place_of(sorting, b, &name_b);
	buf_add(&name_a, "", 1);
	buf_add(&name_b, "", 1);
	result = strcmp(name_a.data, name_b.data);
	buf_free(&name_a);
	buf_free(&name_b);
	return result ? result : a < b ? -1 : 1;
}

/* By parent, and then by name. */
static int
compare(const void *pa, const void *pb)
{
	uint32_t a, b;

	memcpy(&a, pa, sizeof a);
	memcpy(&b, pb, sizeof b);
	if (sorting->boxes[a].parent != sorting->boxes[b].parent)
		return sorting->boxes[a].parent < sorting->boxes[b].parent ? -1 : 1;
	return a == b ? 0 : compare_names(a, b);
}

static void
count_boxes(struct graph *g)
{
	const struct profile *p = g->p;
	uint32_t n = profile_stack_count(p);

	g->n = n + 2;
	g->boxes = xcalloc(g->n, sizeof *g->boxes);
	for (uint32_t i = 0; i < g->n; i++) {
		struct box *b = &g->boxes[i];

		b->stack = i == n ? PROFILE_ROOT : i == n + 1 ? PROFILE_FAILED : i;
		if (!i) /* its samples are those of the box (idle) */
			continue;
		b->parent = i < n ? profile_stack_parent(p, i) : 0;
		b->depth = g->boxes[b->parent].depth + 1;
		b->total = profile_get(p, PROFILE_SAMPLES, b->stack);
		b->idle = i == n ? b->total : i > n ? 0 : profile_get(p, PROFILE_IDLE, b->stack);
		b->before = profile_get(p, PROFILE_BEFORE, b->stack);
	}
	for (uint32_t i = g->n - 1; i > 0; i--) { /* parents have lower numbers */
		struct box *up = &g->boxes[g->boxes[i].parent];

		up->total += g->boxes[i].total;
		up->idle += g->boxes[i].idle;
		up->before += g->boxes[i].before;
	}
	g->total = g->boxes[0].total;
	g->before = g->boxes[0].before;
}

static uint64_t
scale(const struct graph *g, uint64_t samples)
{
	return g->total ? part_of(INNER, samples, g->total) : INNER;
}

static int
is_drawn(const struct graph *g, uint32_t box)
{
	return !box || (g->boxes[box].total && scale(g, g->boxes[box].total) >= NARROWEST);
}

/* Gives each box its place: all boxes with the same parent follow one another
 * in the order, and come after the one that holds their parent. */
static uint32_t *
place_boxes(struct graph *g)
{
	uint32_t *order = xcalloc(g->n, sizeof *order);
	uint64_t *used = xcalloc(g->n, sizeof *used);

	for (uint32_t i = 0; i < g->n; i++)
		order[i] = i;
	sorting = g;
	sort(order + 1, g->n - 1, sizeof *order, compare);
	for (uint32_t i = 1; i < g->n; i++) {
		struct box *b = &g->boxes[order[i]];

		b->start = g->boxes[b->parent].start + used[b->parent];
		used[b->parent] += b->total;
		if (is_drawn(g, order[i]) && b->depth > g->deepest)
			g->deepest = b->depth;
	}
	free(used);
	return order;
}

/* ---- colours, as 0xRRGGBB; page/page.js has the same ---- */

enum { SAME = 0xe4e2dc, MORE = 0xe2503f, LESS = 0x3f8fdc, IDLE = 0xaaaaa8, ALL = 0xd9d8d2 };

/* Between two colours: part is 0 to 255. */
static uint32_t
mix(int from, int to, int part)
{
	uint32_t colour = 0;

	for (int shift = 16; shift >= 0; shift -= 8) {
		int a = from >> shift & 255, b = to >> shift & 255;

		colour = colour << 8 | (uint32_t)(a + (b - a) * part / 255);
	}
	return colour;
}

/* By where it comes from, and within that by the function's name.  Those of the origins
 * differ in lightness as well, so that they can be told apart in all kinds of colour
 * blindness. */
static uint32_t
colour_frame(const struct profile *p, uint32_t frame)
{
	static const int ends[][2] = {
		[ORIGIN_APPLICATION] = { 0xf2a945, 0xfbc978 }, [ORIGIN_PACKAGES] = { 0x5aa0e0, 0x82bdf0 },
		[ORIGIN_LIBRARY] = { 0xa4dcb8, 0xbfe8cd }, [ORIGIN_NATIVE] = { 0xcd8fb9, 0xdda9cc },
		[ORIGIN_WAIT] = { IDLE, IDLE },
	};
	const int *range = ends[origin_of(p, frame)];
	struct buf function = { 0 };
	int part;

	label_string(&function, p, profile_frame_get(p, frame).function);
	part = hash_bytes(function.data, function.len) & 255;
	buf_free(&function);
	return mix(range[0], range[1], part);
}

/* Red for more samples than before, blue for less; pale if chance alone may have made
 * the difference.  `before` is scaled to the total of now. */
static uint32_t
colour_change(double now, double before)
{
	double difference = fabs(now - before), most = now > before ? now : before, certain;

	if (most <= 0)
		return SAME;
	certain = difference / (3 * sqrt(now + before));
	return mix(SAME, now > before ? MORE : LESS,
	           (int)(255 * (certain < 1 ? certain : 1) * difference / most));
}

/* ---- the picture ---- */

/* Whether it stands for a thread or a process, as profile_thread makes them. */
static int
is_thread(const struct graph *g, uint32_t box)
{
	const struct profile_run *r = profile_run_get(g->p);
	struct buf name = { 0 };
	int is;

	if (!box || box >= g->n - 2)
		return !box;
	if (g->boxes[box].depth > 2 || !(r->by_thread || r->by_process) ||
	    profile_frame_get(g->p, profile_stack_frame(g->p, box)).file != PROFILE_NO_FILE)
		return 0;
	name_of(g, box, &name);
	buf_add(&name, "", 1);
	is = !strncmp(name.data, "thread ", 7) || !strncmp(name.data, "process ", 8);
	buf_free(&name);
	return is && is_thread(g, g->boxes[box].parent);
}

static uint32_t
colour(const struct graph *g, uint32_t box)
{
	const struct box *b = &g->boxes[box];

	double scaled = g->before ? (double)g->total / (double)g->before : 0;

	if (profile_compared(g->p))
		return colour_change((double)b->total, (double)b->before * scaled);
	if (b->idle == b->total && b->total)
		return IDLE;
	if (is_thread(g, box) || box == g->n - 1)
		return ALL;
	return colour_frame(g->p, profile_stack_frame(g->p, box));
}

static void
add_title(const struct graph *g, uint32_t box, const struct buf *name, struct buf *out)
{
	const struct box *b = &g->boxes[box];
	struct buf place = { 0 };

	place_of(g, box, &place);
	buf_str(out, "<title>");
	add_xml(out, name->data, name->len);
	buf_str(out, "\n");
	add_xml(out, place.data, place.len);
	buf_printf(out, "\n%" PRIu64 " samples, ", b->total);
	add_share(out, b->total, g->total);
	add_time(out, g->p, b->total);
	if (b->idle)
		buf_printf(out, ", %" PRIu64 " idle", b->idle);
	if (profile_compared(g->p)) {
		buf_printf(out, " (before: %" PRIu64 ", ", b->before);
		add_share(out, b->before, g->before);
		buf_str(out, ")");
	}
	buf_str(out, "</title>");
	buf_free(&place);
}

/* As much of a name as there is room for. */
static void
add_label(struct buf *out, const struct buf *name, uint64_t x, uint64_t y, uint64_t width)
{
	size_t room = width > 700 ? (size_t)(width - 600) * 10 / LETTER : 0;
	size_t letters = 0, cut = 0, at = 0;

	if (room < 3)
		return;
	while (at < name->len && letters < room) {
		uint32_t code;
		size_t n = utf8_read(name->data + at, name->len - at, &code);

		at += n ? n : 1;
		if (++letters == room - 1)
			cut = at;
	}
	buf_str(out, "<text");
	add_hundredths(out, "x", x + 300);
	buf_printf(out, " y=\"%" PRIu64 "\">", y + 12);
	add_xml(out, name->data, at < name->len ? cut : name->len);
	buf_str(out, at < name->len ? "\xe2\x80\xa6</text>" : "</text>");
}

static void
add_rect(struct buf *out, uint64_t x, uint64_t y, uint64_t width, uint32_t fill)
{
	buf_str(out, "<rect");
	add_hundredths(out, "x", x);
	buf_printf(out, " y=\"%" PRIu64 "\"", y);
	add_hundredths(out, "width", width);
	buf_printf(out, " height=\"%d\" fill=\"#%06x\"/>", ROW - 1, fill);
}

static void
add_box(const struct graph *g, uint32_t box, struct buf *out)
{
	const struct box *b = &g->boxes[box];
	uint64_t x = MARGIN * 100 + (box ? scale(g, b->start) : 0);
	uint64_t width = scale(g, b->total), idle;
	uint64_t y = TOP + (uint64_t)(g->deepest - b->depth) * ROW;
	struct buf name = { 0 };

	name_of(g, box, &name);
	buf_str(out, "<g>");
	add_title(g, box, &name, out);
	add_rect(out, x, y, width, colour(g, box));
	idle = b->idle < b->total && !profile_compared(g->p) ? scale(g, b->idle) : 0;
	if (idle >= NARROWEST)
		add_rect(out, x + width - idle, y, idle, IDLE);
	add_label(out, &name, x, y, width);
	buf_str(out, "</g>\n");
	buf_free(&name);
}

static const char *
title_of(const struct profile *p)
{
	const struct profile_run *r = profile_run_get(p);

	return r->title && *r->title ? r->title : r->command ? r->command : "Profile";
}

static void
add_heading(const struct graph *g, struct buf *out)
{
	const struct profile_run *r = profile_run_get(g->p);

	buf_printf(out, "<text id=\"heading\" x=\"%d\" y=\"24\">", MARGIN);
	add_text(out, title_of(g->p));
	buf_printf(out, "</text>\n<text class=\"quiet\" x=\"%d\" y=\"44\">", MARGIN);
	if (r->pid)
		buf_printf(out, "pid %d, ", r->pid);
	if (r->host) {
		add_text(out, r->host);
		buf_str(out, ", ");
	}
	if (r->python) {
		buf_str(out, "Python ");
		add_text(out, r->python);
		buf_str(out, ", ");
	}
	if (r->duration)
		buf_printf(out, "%" PRId64 ".%" PRId64 " s, ", r->duration / 1000000,
		           r->duration / 100000 % 10);
	buf_printf(out, "%" PRIu64 " samples", g->total);
	if (profile_compared(g->p))
		buf_printf(out, ", before: %" PRIu64 "; red is more than before, blue less", g->before);
	buf_str(out, "</text>\n");
}

#define MONOSPACE "ui-monospace, Menlo, Consolas, \"DejaVu Sans Mono\", monospace"
#define SANS "system-ui, \"Segoe UI\", Roboto, \"DejaVu Sans\", sans-serif"

static const char style[] =
	"svg { background: #fff }\n"
	"text { font: 12px " MONOSPACE "; fill: #1b1a17 }\n"
	"#heading { font: 600 16px " SANS " }\n"
	".quiet { font: 12px " SANS "; fill: #66655f }\n"
	"#back { fill: #fff }\n"
	"#frames g:hover rect { stroke: #000; stroke-width: 1 }\n"
	"#frames g:focus { outline: none }\n"
	"#frames g:focus-visible rect { stroke: #1a5fb4; stroke-width: 2 }\n"
	"#frames text { pointer-events: none }\n"
	".button { cursor: pointer }\n"
	".faint { opacity: .4 }\n"
	".match rect { fill: #d63384 }\n"
	".match text { fill: #fff }\n"
	"@media (prefers-color-scheme: dark) {\n"
	"svg { background: #17181a }\n"
	"#back { fill: #17181a }\n"
	"#heading { fill: #e9e8e4 }\n"
	".quiet { fill: #a3a29c }\n"
	"#frames g:hover rect { stroke: #fff }\n"
	"#frames g:focus-visible rect { stroke: #7fb4f5 }\n"
	".faint text { fill: #fff }\n"
	"}\n";

static void
add_head(const struct profile *p, uint32_t height, struct buf *out)
{
	buf_printf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	           "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" "
	           "role=\"graphics-document\" aria-labelledby=\"title\" "
	           "width=\"%d\" height=\"%u\" viewBox=\"0 0 %d %u\">\n<title id=\"title\">",
	           WIDTH, height, WIDTH, height);
	add_text(out, title_of(p));
	buf_printf(out, " \xe2\x80\x93 flame graph</title>\n<style>\n%s</style>\n"
	           "<rect id=\"back\" width=\"100%%\" height=\"100%%\"/>\n", style);
}

void
svg_write(const struct profile *p, struct buf *out)
{
	struct graph g = { .p = p };
	uint32_t *order, height;

	count_boxes(&g);
	order = place_boxes(&g);
	height = TOP + (g.deepest + 1) * ROW + BOTTOM;
	add_head(p, height, out);
	add_heading(&g, out);
	buf_printf(out, "<text class=\"quiet\" id=\"details\" x=\"%d\" y=\"%u\"></text>\n"
	           "<g id=\"frames\">\n", MARGIN, height - 12);
	for (uint32_t i = 0; i < g.n; i++)
		if (is_drawn(&g, order[i]))
			add_box(&g, order[i], out);
	buf_str(out, "</g>\n<script><![CDATA[\n");
	page_add_svg(out);
	buf_str(out, "]]></script>\n</svg>\n");
	free(order);
	free(g.boxes);
}
