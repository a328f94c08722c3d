// SPDX-License-Identifier: Apache-2.0
//
// The page's script. The profile stands in the page as JSON: strings, frames, and
// the tree of calls, parents first. From it a tree is grown that fits the view's
// settings (threads, lines, idle), and the same the other way round for callers.
// Both are kept in preorder, so that what is below node i is i + 1 to end[i], and
// drawing and counting skip it in one step.
'use strict';
const $ = id => document.getElementById(id), html = document.documentElement;
function add(parent, tag, text = '', kind = '') {
	const element = parent.appendChild(document.createElement(tag));
	element.textContent = text;
	element.className = kind;
	return element;
}
const data = JSON.parse($('profile').textContent);
const { strings, frames, threads, stacks, run } = data;
const wasIdle = stacks.idle, earlier = data.before;
const sum = list => (list || []).reduce((a, b) => a + b, 0);
const waits = data.idle + sum(wasIdle), gilWaits = sum(stacks.gil);
// What a sample stands for, in seconds.
const tick = run?.sample;
const frameCount = frames.function.length;

// ---- names ----
// A key says what a node is: a frame, or one of these.
const IDLE = frameCount, FAILED = IDLE + 1, THREADS = FAILED + 1;
const PROCESSES = THREADS + threads.length, ROOT = PROCESSES + threads.length, KEYS = ROOT + 1;

// Functions, whatever their lines: a frame's, and the first frame of each.
const functionOf = new Int32Array(KEYS), firstFrame = [];
{
	const known = new Map();
	for (let i = 0; i < KEYS; i++) {
		const name = i < frameCount ? frames.function[i] * (strings.length + 1) + frames.file[i] + 1 : -i;
		if (!known.has(name)) {
			known.set(name, firstFrame.length);
			firstFrame.push(i);
		}
		functionOf[i] = known.get(name);
	}
}
const processOf = threads.map(t => threads.findIndex(u => u.pid === t.pid));

function nameOf(key) {
	if (key < frameCount)
		return strings[frames.function[key]];
	if (key >= ROOT)
		return 'all';
	const { pid = 0, tid = 0, name = '', process = '' } = threads[(key - THREADS) % threads.length] || {};
	if (key >= PROCESSES)
		return `process ${pid} ${process}`;
	if (key >= THREADS)
		return `thread ${tid} ${name}`;
	return key === IDLE ? '(idle)' : '(failed)';
}
// Of a command the script's name, which is what tells processes apart.
const short = (command = '') => command.slice(0, 999).replace(/\S*\//g, '').replace(/^python[\d.]*t? (?=[^ ])/, '').slice(0, 32) || 'process';

// For a box in which there is little room.
function shortNameOf(key) {
	const { pid, name, process } = key >= THREADS && threads[(key - THREADS) % threads.length] || {};
	return key >= PROCESSES && key < ROOT ? short(process) + ' ' + pid : name || nameOf(key);
}
const fileOf = key => key < frameCount && frames.file[key] >= 0 ? strings[frames.file[key]] : '';

function placeOf(key, lines) {
	const line = lines && key < frameCount && frames.line[key];
	return fileOf(key) + (line ? ':' + line : '');
}

// As in collapsed stacks.
function labelOf(key, lines = true) {
	const file = fileOf(key), line = lines && key < frameCount && frames.line[key];
	return (file && file + ':') + nameOf(key) + (line ? ':' + line : '');
}

// ---- colours ----
// Of frames by where they come from, and within that by the function's name. SVG pictures
// have the same: label_origin() in label.c, colour_frame() in format/svg.c.
const WAITING = 0xaaaaa8, origins = [
	['application', 0xf2a945, 0xfbc978], ['packages', 0x5aa0e0, 0x82bdf0], ['standard library', 0xa4dcb8, 0xbfe8cd],
	['native', 0xcd8fb9, 0xdda9cc], ['idle', WAITING, WAITING], ['all', 0xd9d8d2, 0xd9d8d2]];

function originOf(key) {
	if (key >= frameCount)
		return key === IDLE ? 4 : 5;
	const file = fileOf(key);
	if (!file)
		return nameOf(key).startsWith('waits: ') ? 4 : 3;
	if (/(^|\/)(site|dist)-packages\//.test(file))
		return 1;
	return /^<frozen |(^|\/)lib(32|64)?\/python\d/.test(file) ? 2 : 0;
}

function hash(text) {
	let h = 2166136261;
	for (const byte of new TextEncoder().encode(text))
		h = Math.imul(h ^ byte, 16777619);
	return (h ^ h >>> 15) & 255;
}

// Between two colours: part 0 to 255.
function mix(a, b, part) {
	let colour = '#';
	for (let shift = 16; shift >= 0; shift -= 8) {
		const from = a >> shift & 255, to = b >> shift & 255;
		colour += (from + Math.trunc((to - from) * part / 255)).toString(16).padStart(2, '0');
	}
	return colour;
}

const colours = [];
function colourOf(key) {
	const [, from, to] = origins[originOf(key)];
	return colours[key] ??= mix(from, to, hash(nameOf(key)));
}

// Red for more than before, blue for less, both as shares of all; pale if chance
// alone may have made the difference.
const SAME = 0xe4e2dc, MORE = 0xe2503f, LESS = 0x3f8fdc;
function changeColour(now, before) {
	const difference = now - before, most = Math.max(now, before);
	if (!most)
		return mix(SAME, SAME, 0);
	const certain = Math.min(1, Math.abs(difference) / (3 * Math.sqrt(now + before)));
	return mix(SAME, difference > 0 ? MORE : LESS, Math.trunc(255 * certain * Math.abs(difference) / most));
}

// ---- the view's settings ----
// What waited most of the time is looked at for what it did in the rest. Waits for the
// GIL are work that others kept from being done.
const isMostlyIdle = !earlier && waits - gilWaits > data.total / 2 && data.total > waits + data.failed;

// Lines are told apart at first unless that breaks functions into crumbs: stacks are many
// more with than without.
function isCrumbly() {
	const known = new Map(), at = [];
	stacks.parent.forEach((parent, i) => {
		const name = ((parent < 0 ? parent : at[parent]) + threads.length) * KEYS + functionOf[stacks.frame[i]];
		if (!known.has(name))
			known.set(name, known.size);
		at[i] = known.get(name);
	});
	return stacks.parent.length > known.size * 1.15;
}

const defaults = {
	view: 'graph', by: run?.by_thread || run?.by_process ? 'each' : '', q: '', callers: 0, icicle: 0, weight: 0, lines: +!isCrumbly(), idle: +!isMostlyIdle,
	before: 0, zoom: '', fn: '', sort: 'self', up: 0, theme: ''
};
let state = { ...defaults }, written = '';

function readFragment() {
	const given = new URLSearchParams(location.hash.slice(1));
	state = { ...defaults };
	for (const name in defaults)
		if (given.has(name))
			state[name] = typeof defaults[name] === 'number' ? +(given.get(name) === '1') : given.get(name);
	if (state.view !== 'table')
		state.view = 'graph';
	if (!columns.some(column => column[0] === state.sort))
		state.sort = 'self';
}

function set(change) {
	Object.assign(state, change);
	const fragment = new URLSearchParams(Object.entries(state).filter(([name, value]) => value !== defaults[name]));
	written = '#' + fragment;
	// A zoom is a step to go back from, the rest is not.
	if (location.hash !== written && (location.hash || written !== '#'))
		'zoom' in change ? location.hash = written : location.replace(written);
	render();
}

// ---- trees ----
// Grown in any order, parents first; ends up in preorder, sorted by name or by weight.
class Tree {
	parent = [-1]; key = [ROOT]; self = [0]; was = [0]; idle = [0];
	only = [0]; known = new Map(); // children: the first, and the others

	child(parent, key, self = 0, was = 0, idle = 0) {
		let node = this.only[parent];
		if (!node || this.key[node] !== key) {
			const name = parent * KEYS + key, size = this.key.length;
			if (!node)
				this.only[parent] = node = size;
			else if (!(node = this.known.get(name)))
				this.known.set(name, node = size);
			if (node === size) {
				this.parent.push(parent);
				this.key.push(key);
				this.self.push(0);
				this.was.push(0);
				this.idle.push(0);
				this.only.push(0);
			}
		}
		this.self[node] += self;
		this.was[node] += was;
		this.idle[node] += idle;
		return node;
	}

	finish() {
		const n = this.key.length, ints = () => new Int32Array(n), rank = ranks();
		const first = ints(), next = ints(), place = ints(), todo = ints();
		const [total, totalWas, waited] = [this.self, this.was, this.idle].map(list => Float64Array.from(list));
		for (let i = n - 1; i > 0; i--) {
			const up = this.parent[i];
			total[up] += total[i];
			totalWas[up] += totalWas[i];
			waited[up] += waited[i];
			if (total[i] || totalWas[i]) {
				next[i] = first[up];
				first[up] = i;
			}
		}
		const t = { n: 0, deepest: 0, key: ints(), parent: ints(), end: ints(), depth: ints() };
		for (const name of ['self', 'was', 'idle', 'total', 'totalWas', 'waited', 'x'])
			t[name] = new Float64Array(n);
		t.size = state.before ? t.totalWas : t.total;
		const weight = state.before ? totalWas : total;
		const used = new Float64Array(n);
		for (let left = 1; left;) {
			const i = todo[--left], me = t.n++, up = i ? place[this.parent[i]] : -1;
			place[i] = me;
			t.key[me] = this.key[i];
			t.parent[me] = up;
			t.self[me] = this.self[i];
			t.was[me] = this.was[i];
			t.idle[me] = this.idle[i];
			t.total[me] = total[i];
			t.totalWas[me] = totalWas[i];
			t.waited[me] = waited[i];
			if (i) {
				t.depth[me] = t.depth[up] + 1;
				t.deepest = Math.max(t.deepest, t.depth[me]);
				t.x[me] = used[me] = used[up];
				used[up] += t.size[me];
			}
			const start = left;
			for (let child = first[i]; child; child = next[child])
				todo[left++] = child;
			if (left > start + 1)
				todo.subarray(start, left).sort((a, b) => (state.weight && weight[a] - weight[b]) || rank[this.key[b]] - rank[this.key[a]]);
		}
		for (let i = t.n - 1; i >= 0; i--) {
			t.end[i] ||= i + 1;
			if (i)
				t.end[t.parent[i]] = Math.max(t.end[t.parent[i]], t.end[i]);
		}
		return t;
	}
}

// Where each key stands in the order of names.
function ranks() {
	if (!ranks.made) {
		const names = Array.from({ length: KEYS }, (_, key) => nameOf(key) + '\n' + fileOf(key));
		const order = Array.from(names.keys()).sort((a, b) => names[a] < names[b] ? -1 : names[a] > names[b] ? 1 : frames.line[a] - frames.line[b]);
		ranks.made = new Int32Array(KEYS);
		order.forEach((key, place) => ranks.made[key] = place);
	}
	return ranks.made;
}

const keyOf = frame => state.lines || frame >= frameCount ? frame : firstFrame[functionOf[frame]];

// "t3" is one thread, "p0" the process of thread 0, "each" all of them apart.
function isChosen(thread) {
	const number = +state.by.slice(1);
	return state.by[0] === 't' ? thread === number : state.by[0] !== 'p' || processOf[thread] === number;
}

function growCallees() {
	const tree = new Tree(), at = new Int32Array(stacks.parent.length), all = !/^[tp]/.test(state.by);
	const roots = threads.map((_, thread) => {
		if (!isChosen(thread))
			return -1;
		if (state.by !== 'each')
			return 0;
		const process = new Set(processOf).size > 1 ? tree.child(0, PROCESSES + processOf[thread]) : 0;
		return isNamed(thread) ? tree.child(process, THREADS + thread) : process;
	});
	stacks.parent.forEach((parent, i) => {
		const up = parent < 0 ? roots[-1 - parent] : at[parent], idle = wasIdle?.[i];
		at[i] = up < 0 ? -1 : tree.child(up, keyOf(stacks.frame[i]),
			stacks.count[i] - (!state.idle && idle || 0), earlier?.count[i], state.idle ? idle : 0);
	});
	if (all && state.idle)
		tree.child(0, IDLE, data.idle, earlier?.idle, data.idle);
	if (all)
		tree.child(0, FAILED, data.failed, earlier?.failed);
	return tree.finish();
}
const isNamed = thread => threads[thread].tid || threads[thread].name;

function growCallers(t) {
	const tree = new Tree();
	for (let i = 1; i < t.n; i++) {
		if (!t.self[i] && !t.was[i])
			continue;
		let node = 0;
		for (let j = i; j > 0; j = t.parent[j])
			node = tree.child(node, t.key[j], ...t.parent[j] ? [] : [t.self[i], t.was[i], t.idle[i]]);
	}
	return tree.finish();
}

// What was made last, until something that it depends on changes.
const made = {};
function once(name, from, make) {
	const stamp = JSON.stringify(from);
	if (made[name]?.stamp !== stamp)
		made[name] = { stamp, value: make() };
	return made[name].value;
}
const treeSettings = () => [state.by, state.lines, state.idle, state.before, state.weight];

// ---- search ----
function search(t) {
	const result = { q: state.q, bad: false, is: () => false, total: 0 };
	if (!state.q)
		return result;
	let regex;
	const flags = /[A-Z]/.test(state.q) ? 'm' : 'im';
	try {
		regex = new RegExp(state.q, flags);
	} catch {
		result.bad = true;
		regex = new RegExp(state.q.replace(/[^\w\s]/g, '\\$&'), flags);
	}
	const known = new Int8Array(KEYS);
	result.is = key => {
		known[key] ||= regex.test(nameOf(key) + '\n' + labelOf(key, state.lines) + '\n' + placeOf(key, state.lines)) ? 1 : -1;
		return known[key] > 0;
	};
	for (let i = 1; i < t.n;) { // a match within a match is counted already
		const is = result.is(t.key[i]);
		result.total += is ? t.size[i] : 0;
		i = is ? t.end[i] : i + 1;
	}
	return result;
}

function matches() {
	const list = [];
	for (let i = 1; state.q && i < tree.n; i++)
		if (tree.size[i] && found.is(tree.key[i]))
			list.push(i);
	return list;
}

function step(by) {
	const list = once('matches', [treeSettings(), state.callers, state.q], matches);
	if (!list.length)
		return;
	let at = list.indexOf(selected);
	if (at < 0)
		at = by > 0 ? list.findIndex(i => i > selected) : list.findLastIndex(i => i < selected);
	else
		at += by;
	at = (at + (at < 0 && by > 0 ? 1 : 0) + list.length) % list.length;
	reveal(list[at]);
	$('found').textContent = `${at + 1} of ${count(list.length)}, ${percent(found.total, callees.size[0])}`;
}

// Selects a frame; zooms no further than it takes to see it.
function reveal(i) {
	let zoom = i;
	if (free)
		zoomTo(zoomed);
	while (tree.parent[zoom] >= 0 && tree.size[i] / tree.size[tree.parent[zoom]] * width >= 24)
		zoom = tree.parent[zoom];
	if (!isWithin(i, zoomed) || tree.size[i] / tree.size[zoomed] * width < 24)
		set({ view: 'graph', zoom: pathOf(zoom) });
	else if (state.view !== 'graph')
		set({ view: 'graph' });
	select(i);
	scrollTo(i);
}
const isWithin = (i, above) => i >= above && i < tree.end[above];

// ---- numbers in words ----
const count = n => n.toLocaleString('en');
const countOf = n => `${count(n)} (${percent(n, data.total)})`;
const samples = n => count(n) + (n === 1 ? ' sample' : ' samples');
function percent(n, of) {
	const share = of ? 100 * n / of : 0;
	return share.toFixed((share < 10 && share > 0) || (share > 99.9 && share < 100) ? 2 : 1) + ' %';
}
const ofGil = gilWaits ? `, ${count(gilWaits)} for the GIL` : '';
function seconds(s) {
	return s < 1 ? +(s * 1000).toPrecision(3) + ' ms' : s < 120 ? +s.toFixed(2) + ' s' : (s / 60).toFixed(1) + ' min';
}

// ---- the graph ----
const ROW = 19, FONT = '12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';
const canvas = $('canvas'), paper = canvas.getContext('2d', { alpha: false });
let callees, tree, found, zoomed = 0, selected = 0, hovered = -1;
let width = 0, height = 0, view = { x: 0, size: 1 }, moving = 0, css = {};

const rowTop = depth => (state.icicle ? depth * ROW : Math.max(contentHeight(), height) - (depth + 1) * ROW) - $('scroll').scrollTop;
const contentHeight = () => (tree.deepest + 1) * ROW + 2;

// Keys of the frames that lead to a node, and back.
function pathOf(i) {
	const path = [];
	for (; i > 0; i = tree.parent[i])
		path.unshift(tree.key[i]);
	return path.join('.');
}

function nodeOf(path) {
	let node = 0;
	for (const word of path ? path.split('.') : []) {
		const key = +word;
		let best = -1;
		if (!(key >= 0 && key < KEYS))
			break;
		for (let i = node + 1; i < tree.end[node]; i = tree.end[i]) {
			if (tree.key[i] === keyOf(key)) {
				best = i;
				break;
			}
			if (functionOf[tree.key[i]] === functionOf[key] && (best < 0 || tree.size[i] > tree.size[best]))
				best = i;
		}
		if (best < 0)
			break;
		node = best;
	}
	return node;
}

// A canvas loses what is on it with its size, so it is drawn at once.
function resize() {
	const box = $('scroll'), ratio = devicePixelRatio || 1;
	width = box.clientWidth;
	height = box.clientHeight;
	const wide = Math.round(width * ratio), high = Math.round(height * ratio);
	if (canvas.width === wide && canvas.height === high)
		return;
	canvas.style.width = width + 'px';
	canvas.style.height = height + 'px';
	canvas.width = wide;
	canvas.height = high;
	paper.setTransform(ratio, 0, 0, ratio, 0, 0);
	draw();
}

let asked = 0;
function redraw() {
	asked ||= requestAnimationFrame(() => {
		asked = 0;
		draw();
	});
}

function fillOf(i) {
	const key = tree.key[i];
	if (state.q && found.is(key))
		return css.match;
	return earlier ? changeColour(tree.total[i], tree.totalWas[i] * scaleOfEarlier()) : colourOf(key);
}
const scaleOfEarlier = () => tree.totalWas[0] ? tree.total[0] / tree.totalWas[0] : 0;

function draw() {
	if (!width || !height || state.view !== 'graph')
		return;
	const scale = width / view.size, t = tree, lastTiny = new Int32Array(t.deepest + 1).fill(-1);
	paper.fillStyle = css.back;
	paper.fillRect(0, 0, width, height);
	paper.font = FONT;
	paper.textBaseline = 'middle';
	const letter = paper.measureText('0'.repeat(20)).width / 20;
	for (let i = 0; i < t.n;) {
		const w = t.size[i] * scale, x = (t.x[i] - view.x) * scale;
		if (w < .2 || x >= width || x + w <= 0) {
			i = t.end[i];
			continue;
		}
		const y = rowTop(t.depth[i]);
		if (y > -ROW && y < height) {
			const left = Math.max(0, x), right = Math.min(width, x + w), pixel = Math.floor(left);
			if (w >= 1 || lastTiny[t.depth[i]] !== pixel) {
				lastTiny[t.depth[i]] = pixel;
				drawFrame(i, left, y, Math.max(right - left, 1), letter, earlier || !t.waited[i] ? right : Math.max(left, x + w * (1 - t.waited[i] / t.size[i])));
			}
		}
		i++;
	}
	for (const [i, colour] of [[hovered, css.text], [selected, css.accent]])
		if (i > 0 || (i === 0 && document.activeElement === canvas))
			outline(i, scale, colour);
}

// From `grey` on it waited.
function drawFrame(i, x, y, w, letter, grey) {
	const key = tree.key[i], wide = w > 3 ? w - 1 : w, isMatch = state.q && found.is(key);
	paper.globalAlpha = state.q && !isMatch ? .35 : i < zoomed && isWithin(zoomed, i) ? .6 : 1;
	paper.fillStyle = fillOf(i);
	paper.fillRect(x, y, wide, ROW - 1);
	if (grey < x + wide && !isMatch) {
		paper.fillStyle = mix(WAITING, WAITING, 0);
		paper.fillRect(grey, y, x + wide - grey, ROW - 1);
	}
	paper.globalAlpha = 1;
	const room = Math.floor((wide - 8) / letter);
	if (room < 3)
		return;
	const name = i ? shortNameOf(key) : 'all ' + title, place = i && fileOf(key) ? base(placeOf(key, state.lines)) : '';
	const faint = state.q && !isMatch;
	paper.fillStyle = isMatch ? css.onMatch : faint ? css.quiet : '#1b1a17';
	paper.fillText(name.length > room ? name.slice(0, room - 1) + '\u2026' : name, x + 4, y + ROW / 2, wide - 6);
	if (place && room >= name.length + 2 + Math.min(place.length, 8)) {
		const left = room - name.length - 2;
		paper.globalAlpha = .62;
		paper.fillText(place.length > left ? place.slice(0, left - 1) + '\u2026' : place, x + 4 + (name.length + 2) * letter, y + ROW / 2);
		paper.globalAlpha = 1;
	}
}
const base = path => path.slice(path.lastIndexOf('/') + 1);

function outline(i, scale, colour) {
	const x = Math.max(-2, (tree.x[i] - view.x) * scale), end = Math.min(width + 2, (tree.x[i] + tree.size[i] - view.x) * scale);
	if (end < 0 || x > width)
		return;
	paper.strokeStyle = colour;
	paper.lineWidth = 2;
	paper.strokeRect(x + 1, rowTop(tree.depth[i]) + 1, Math.max(end - x - 3, 1), ROW - 3);
}

// Moves the view to the zoomed frame, in a few steps where motion is welcome.
function moveView(at_once) {
	const target = { x: tree.x[zoomed], size: tree.size[zoomed] || 1 }, from = { ...view }, start = performance.now();
	cancelAnimationFrame(moving);
	if (at_once || document.hidden || matchMedia('(prefers-reduced-motion: reduce)').matches) {
		view = target;
		redraw();
		return;
	}
	const go = now => {
		const part = Math.min(1, Math.max(0, (now - start) / 160)), soft = 1 - (1 - part) ** 3;
		view = { x: from.x + (target.x - from.x) * soft, size: from.size + (target.size - from.size) * soft };
		if (part < 1)
			moving = requestAnimationFrame(go);
		else
			view = target;
		draw();
	};
	moving = requestAnimationFrame(go);
}

// Fingers move and stretch the graph without a zoom to one frame: what they are on follows
// them. The next zoom ends that.
let free = false;
const across = x => (x - canvas.getBoundingClientRect().left) / width;

function pull(from, to, size) {
	const all = tree.size[0] || 1, x = view.x + across(from) * view.size;
	size = Math.min(all, Math.max(size, Math.min(all, 1)));
	cancelAnimationFrame(moving);
	view = { x: Math.min(all - size, Math.max(0, x - across(to) * size)), size };
	free = size < all;
	$('reset').disabled = !zoomed && !free;
	hover(-1);
	redraw();
}

function nodeAt(event) {
	const box = canvas.getBoundingClientRect(), y = event.clientY - box.top;
	const at = view.x + (event.clientX - box.left) / width * view.size;
	const depth = state.icicle ? Math.floor((y - rowTop(0)) / ROW) : -Math.floor((y - rowTop(0)) / ROW);
	if (depth < 0 || depth > tree.deepest)
		return -1;
	let node = 0;
	while (node >= 0 && tree.depth[node] < depth)
		node = childAt(node, at);
	return node;
}

function childAt(node, at) {
	for (let i = node + 1; i < tree.end[node]; i = tree.end[i])
		if (at >= tree.x[i] && at < tree.x[i] + tree.size[i])
			return i;
	return -1;
}

function scrollTo(i) {
	const top = rowTop(tree.depth[i]);
	if (top < 0)
		$('scroll').scrollTop += top - ROW;
	else if (top + ROW > height)
		$('scroll').scrollTop += top + 2 * ROW - height;
}

function select(i) {
	selected = i;
	describe(i);
	redraw();
}

function zoomTo(i) {
	free = false;
	set({ zoom: pathOf(i) });
	select(i);
}

// ---- details of a frame ----
function describe(i) {
	const key = tree.key[i], all = tree.total[0], here = tree.total[zoomed];
	$('frame').textContent = '';
	add($('frame'), 'b', nameOf(key));
	add($('frame'), 'span', placeOf(key, state.lines));
	$('frame').title = labelOf(key, state.lines);
	const parts = [samples(tree.total[i])];
	if (tick)
		parts.push(seconds(tree.total[i] * tick));
	parts.push(percent(tree.total[i], all) + ' of all');
	if (zoomed)
		parts.push(percent(tree.total[i], here) + ' of the zoomed');
	if (!state.callers)
		parts.push('self ' + count(tree.self[i]) + ' (' + percent(tree.self[i], all) + ')');
	if (tree.waited[i] && key !== IDLE)
		parts.push('idle ' + count(tree.waited[i]) + ' (' + percent(tree.waited[i], tree.total[i]) + ')');
	if (earlier)
		parts.push('before ' + count(tree.totalWas[i]) + ' (' + percent(tree.totalWas[i], tree.totalWas[0]) + ')',
			change(tree.total[i], tree.totalWas[i]));
	$('numbers').textContent = parts.join(' \u00b7 ');
	for (const id of ['relatives', 'copy', 'copy-stack'])
		$(id).disabled = i === 0;
	$('zoom').disabled = i === zoomed;
}

function change(now, was) {
	const points = 100 * (now / (tree.total[0] || 1) - was / (tree.totalWas[0] || 1));
	return (points > 0 ? '+' : points < 0 ? '\u2212' : '\u00b1') + Math.abs(points).toFixed(2) + ' points';
}

function stackText(i) {
	const lines = [];
	for (; i > 0; i = tree.parent[i])
		lines.push(labelOf(tree.key[i], state.lines));
	return (state.callers ? lines.reverse() : lines).join('\n') + '\n';
}

async function copy(text, button) {
	try {
		await navigator.clipboard.writeText(text);
	} catch { // not granted: the old way
		const area = add(document.body, 'textarea', text);
		area.select();
		document.execCommand('copy');
		area.remove();
	}
	const before = button.dataset.text ??= button.textContent;
	button.textContent = 'Copied';
	setTimeout(() => button.textContent = before, 1200);
}

// ---- collapsed text ----
// What pyflame itself prints for this profile.
function collapsed() {
	const lines = new Map(), path = [];
	const roots = threads.map((thread, i) => (run?.by_process && (thread.pid || thread.process) ? nameOf(PROCESSES + i) + ';' : '')
		+ (run?.by_thread && isNamed(i) ? nameOf(THREADS + i) + ';' : ''));
	stacks.parent.forEach((parent, i) => {
		path[i] = (parent < 0 ? roots[-1 - parent] : path[parent] + ';') + labelOf(stacks.frame[i]);
		const [was, now] = lines.get(path[i]) || [0, 0];
		if (stacks.count[i] || earlier?.count[i])
			lines.set(path[i], [was + (earlier ? earlier.count[i] : 0), now + stacks.count[i]]);
	});
	// By their bytes: in UTF-16, U+E000 to U+FFFF come after what is above.
	const line = (stack, was, now) => was || now ? stack + (earlier ? ' ' + was : '') + ' ' + now + '\n' : '';
	const text = [...lines].map(([stack, counts]) => line(stack, ...counts));
	const key = text => text.replace(/[\ue000-\uffff]/g, char => '\ud7ff' + char);
	const sorted = text.map(one => [key(one), one]).sort((a, b) => a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0);
	return line('(idle)', earlier?.idle, data.idle) + line('(failed)', earlier?.failed, data.failed)
		+ sorted.map(pair => pair[1]).join('');
}

function save() {
	const link = document.createElement('a'), name = base(decodeURIComponent(location.pathname)).replace(/\.html?$/, '');
	link.href = URL.createObjectURL(new Blob([collapsed()], { type: 'text/plain' }));
	link.download = (name || 'profile') + '.txt';
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// ---- functions ----
// Self and total of each from a node on, and what was idle of them; total counts what is below itself once.
function tally(t, from = 1) {
	const list = new Map(), until = new Int32Array(firstFrame.length);
	for (let i = from; i < t.end[from - (from < 2)]; i++) {
		const fn = functionOf[t.key[i]];
		if (t.key[i] >= THREADS)
			continue;
		let row = list.get(fn);
		if (!row)
			list.set(fn, row = { fn, key: firstFrame[fn], self: 0, idle: 0, total: 0, waited: 0, totalWas: 0 });
		row.self += t.self[i];
		row.idle += t.idle[i];
		if (until[fn] <= i) {
			until[fn] = t.end[i];
			row.total += t.total[i];
			row.waited += t.waited[i];
			row.totalWas += t.totalWas[i];
		}
	}
	return [...list.values()];
}

// Who calls a function and whom it calls, by the time spent in these calls.
function relatives(t, fn) {
	const callers = new Map(), called = new Map(), until = new Int32Array(firstFrame.length);
	const add = (map, i) => {
		const other = functionOf[t.key[map === callers ? t.parent[i] : i]], row = map.get(other) || { key: firstFrame[other], total: 0, totalWas: 0 };
		row.total += t.total[i];
		row.totalWas += t.totalWas[i];
		map.set(other, row);
	};
	let outermost = 0;
	for (let i = 1; i < t.n; i++) {
		const me = functionOf[t.key[i]], parent = t.parent[i];
		if (me === fn && i >= outermost) {
			outermost = t.end[i];
			if (parent)
				add(callers, i);
		}
		if (functionOf[t.key[parent]] === fn && parent && until[me] <= i) {
			until[me] = t.end[i];
			add(called, i);
		}
	}
	return [callers, called].map(map => [...map.values()].filter(row => row.total || row.totalWas)
		.sort((a, b) => b.total - a.total || b.totalWas - a.totalWas));
}

// Of all stacks: the samples that ended there, and those above included.
function sumStacks() {
	const self = [], chosen = [];
	stacks.parent.forEach((parent, i) => {
		chosen[i] = parent < 0 ? isChosen(-1 - parent) : chosen[parent];
		self[i] = chosen[i] ? stacks.count[i] - (!state.idle && wasIdle?.[i] || 0) : 0;
	});
	const total = [...self];
	for (let i = total.length - 1; i >= 0; i--)
		if (stacks.parent[i] >= 0)
			total[stacks.parent[i]] += total[i];
	return { self, total };
}

// A function's lines, the hottest first; recursion is counted once.
function linesOf(fn) {
	const rows = new Map(), { self, total } = once('sums', [state.by, state.idle], sumStacks);
	stacks.frame.forEach((frame, i) => {
		if (functionOf[frame] !== fn || !frames.line[frame] || !total[i])
			return;
		const row = rows.get(frame) || { frame, self: 0, total: 0 };
		let up = stacks.parent[i];
		while (up >= 0 && stacks.frame[up] !== frame)
			up = stacks.parent[up];
		row.self += self[i];
		row.total += up < 0 ? total[i] : 0;
		rows.set(frame, row);
	});
	return [...rows.values()].sort((a, b) => b.total - a.total || b.self - a.self);
}

const columns = [['self', 'Self', 'n'], ['total', 'Total', 'n'], ['change', 'Change', 'n'], ['name', 'Function', ''], ['place', 'File', 'place']]
	.filter(([id]) => id !== 'change' || earlier);
const changeOf = row => row.total / (callees.total[0] || 1) - row.totalWas / (callees.totalWas[0] || 1);
const sortKeys = {
	self: row => -row.self || 0, total: row => -row.total, change: row => -changeOf(row),
	name: row => ranks()[row.key], place: row => fileOf(row.key)
};
let shownRows = 200;

function numberCell(row, n, of, idle = 0) {
	const td = add(row, 'td', percent(n, of), 'n'), bar = n => (of ? 100 * n / of : 0) + '%';
	td.dataset.n = count(n);
	td.title = samples(n) + (idle ? `, ${count(idle)} idle` : '');
	td.style.setProperty('--share', bar(n));
	td.style.setProperty('--idle', bar(idle));
}

// The row does what the button in it does, which is for the keyboard.
function nameCell(row, key, isOn, action) {
	const td = add(row, 'td', key < THREADS ? '' : nameOf(key));
	td.style.borderLeft = '6px solid ' + colourOf(key);
	if (key >= THREADS)
		return;
	add(td, 'button', nameOf(key)).title = labelOf(key, false);
	row.className = isOn ? 'go on' : 'go';
	row.onclick = () => {
		action(key);
		($(state.view).querySelector('.on button') || canvas).focus({ preventScroll: true });
	};
}
const choose = key => set({ fn: '' + key });

function drawTable() {
	const all = callees.total[0], by = sortKeys[state.sort], body = document.createDocumentFragment();
	let rows = once('tally', treeSettings(), () => tally(callees));
	if (state.q)
		rows = rows.filter(row => found.is(row.key) || matchesAnyLine(row.fn));
	rows = rows.map(row => [by(row), row]).sort((a, b) => a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : b[1].total - a[1].total)
		.map(pair => pair[1]);
	if (state.up)
		rows.reverse();
	for (const row of rows.slice(0, shownRows)) {
		const tr = add(body, 'tr');
		numberCell(tr, row.self, all, row.idle);
		numberCell(tr, row.total, all, row.waited);
		if (earlier)
			add(tr, 'td', change(row.total, row.totalWas).replace(' points', ''), 'n');
		nameCell(tr, row.key, state.fn === '' + row.key, choose);
		add(add(tr, 'td', '', 'place'), 'bdi', fileOf(row.key)).title = fileOf(row.key);
	}
	$('rows').replaceChildren(body);
	$('more').hidden = rows.length <= shownRows;
	$('more').textContent = `Show all ${count(rows.length)}`;
	$('heads').textContent = '';
	for (const [id, title, kind] of columns) {
		const on = state.sort === id, th = add($('heads'), 'th', '', kind);
		th.ariaSort = on ? ['name', 'place'].includes(id) !== !!state.up ? 'ascending' : 'descending' : 'none';
		add(th, 'button', title + (on ? state.up ? ' \u25b4' : ' \u25be' : ''));
		th.onclick = () => {
			set({ sort: id, up: on ? +!state.up : 0 });
			$('heads').children[columns.findIndex(column => column[0] === id)].firstChild.focus();
		};
	}
	drawOne();
}

// What took most time in the zoomed frame, beside the graph if there is room.
function drawHeaviest() {
	if (!$('heaviest').offsetParent)
		return;
	const zoom = tree === callees ? zoomed : 0, all = callees.total[zoom], body = document.createDocumentFragment();
	const list = once('heaviest', [treeSettings(), zoom], () => tally(callees, zoom || 1).filter(row => row.self && row.key < FAILED)
		.sort((a, b) => b.self - a.self).slice(0, 50));
	for (const row of list) {
		const tr = add(body, 'tr'), q = exactly(row.key);
		numberCell(tr, row.self, all, row.idle);
		nameCell(tr, row.key, state.q === q, () => set({ q: state.q === q ? '' : q }));
	}
	$('heavy-rows').replaceChildren(body);
}
const exactly = key => '^' + labelOf(key, false).replace(/[^\w\s]/g, '\\$&') + '(:|$)';

// A search for a line finds its function.
function matchesAnyLine(fn) {
	const lines = once('lines', [treeSettings(), state.q], () => {
		const fns = new Set();
		for (const key of new Set(callees.key.subarray(0, callees.n)))
			if (key < THREADS && found.is(key))
				fns.add(functionOf[key]);
		return fns;
	});
	return lines.has(fn);
}

function drawOne() {
	const key = +state.fn, all = callees.total[0];
	$('one').hidden = state.fn === '' || !(key >= 0 && key < THREADS);
	if ($('one').hidden)
		return;
	const fn = functionOf[key], row = once('tally', treeSettings(), () => tally(callees)).find(r => r.fn === fn) || { self: 0, total: 0 };
	$('one-name').textContent = nameOf(key);
	$('one-place').textContent = fileOf(key) || originName(key);
	$('one-numbers').textContent = `total ${samples(row.total)} (${percent(row.total, all)}), self ${count(row.self)} (${percent(row.self, all)})`;
	const hot = linesOf(fn);
	$('one-hot').hidden = !hot.length;
	$('one-lines').textContent = '';
	for (const one of hot) {
		const tr = add($('one-lines'), 'tr');
		numberCell(tr, one.total, row.total);
		numberCell(tr, one.self, row.total);
		add(tr, 'td', base(placeOf(one.frame, true)));
	}
	relatives(callees, fn).forEach((list, which) => {
		const body = $(which ? 'one-out' : 'one-in');
		body.textContent = '';
		for (const other of list) {
			const tr = add(body, 'tr');
			numberCell(tr, other.total, row.total);
			nameCell(tr, other.key, false, choose);
		}
		if (!list.length)
			add(add(body, 'tr'), 'td', 'nothing');
	});
}
const originName = key => origins[originOf(key)][0];

function showFunction(key) {
	shownRows = Math.max(shownRows, 200);
	set({ view: 'table', fn: '' + firstFrame[functionOf[key]] });
}

// ---- the whole page ----
function render() {
	const old = tree, wanted = state.theme || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
	if (html.dataset.theme !== wanted || !css.back) {
		html.dataset.theme = wanted;
		const style = getComputedStyle(html);
		for (const name of ['back', 'text', 'quiet', 'accent', 'match'])
			css[name] = style.getPropertyValue('--' + name);
		css.onMatch = wanted === 'dark' ? '#1b1a17' : '#fff';
	}
	callees = once('callees', treeSettings(), growCallees);
	tree = state.callers ? once('callers', treeSettings(), () => growCallers(callees)) : callees;
	found = once('found', [treeSettings(), state.q], () => search(callees));
	const zoomedBefore = zoomed;
	zoomed = nodeOf(state.zoom);
	if (tree !== old)
		selected = zoomed;
	hover(-1);
	for (const name of ['callers', 'icicle', 'weight', 'lines', 'idle', 'before'])
		$(name).ariaPressed = !!state[name];
	$('v-graph').ariaPressed = state.view === 'graph';
	$('v-table').ariaPressed = state.view !== 'graph';
	html.dataset.view = state.view;
	free &&= tree === old && zoomed === zoomedBefore;
	$('reset').disabled = !zoomed && !free;
	$('by').value = state.by;
	if ($('q').value !== state.q)
		$('q').value = state.q;
	$('q').className = found.bad ? 'bad' : '';
	$('q').title = found.bad ? 'Not a regular expression, so searched for as it is' : '';
	$('found').textContent = state.q ? percent(found.total, callees.size[0]) : '';
	$('note').hidden = state.idle || !waits;
	$('prev').disabled = $('next').disabled = !state.q || !found.total;
	if (state.view === 'graph') {
		$('space').style.height = contentHeight() + 'px';
		if (tree !== old || icicleDrawn !== state.icicle) {
			icicleDrawn = state.icicle;
			$('scroll').scrollTop = state.icicle ? 0 : contentHeight();
		}
		resize();
		drawHeaviest();
		if (!free)
			moveView(tree !== old || zoomed === zoomedBefore);
		describe(selected);
	} else {
		drawTable();
	}
	markMore();
}

// Where a row of buttons goes on beyond its end, on a narrow screen.
const strips = document.querySelectorAll('.strip');
function markMore() {
	for (const strip of strips)
		strip.classList.toggle('more', strip.scrollLeft + strip.clientWidth < strip.scrollWidth - 4);
}
let icicleDrawn, title;

function showRun() {
	const r = run || {}, failures = Object.entries(r.failures || {}).filter(pair => pair[1]).map(pair => pair[1] + ' ' + pair[0]);
	title = r.title || r.command?.replace(/^\S*\//, '') || 'Profile';
	document.title = title + ' \u2013 pyflame';
	$('title').textContent = title;
	const facts = [
		['command', r.command === title ? '' : r.command], ['pid', r.pid && '' + r.pid], ['host', r.host], ['Python', r.python],
		['start', r.start && new Date(r.start * 1000).toLocaleString('sv')],
		['duration', r.duration && seconds(r.duration)],
		['rate', r.period && +(1 / r.period).toPrecision(4) + ' Hz'], ['mode', r.mode],
		['samples', count(data.total)], ['idle', waits && countOf(waits) + ofGil],
		['failed', count(data.failed) + (failures.length ? ` (${failures.join(', ')})` : '')],
		['missed', r.missed && count(r.missed)], ['left out', r.left_out && count(r.left_out)],
		['compared with', earlier && samples(earlier.total)]];
	for (const [term, text] of facts.filter(fact => fact[1] && fact[1] !== '0')) {
		const div = add($('run'), 'div');
		add(div, 'dt', term);
		add(div, 'dd', text);
	}
}

function showThreads() {
	const options = [['', 'All threads']], busy = threads.map(() => 0), owner = [], namesakes = { __proto__: null }, processes = new Map();
	stacks.parent.forEach((parent, i) => {
		owner[i] = parent < 0 ? -1 - parent : owner[parent];
		busy[owner[i]] += stacks.count[i] - (wasIdle?.[i] || 0);
	});
	threads.forEach(({ name }, i) => {
		namesakes[name] = (namesakes[name] || 0) + 1;
		processes.set(processOf[i], (processes.get(processOf[i]) || 0) + busy[i]);
	});
	const option = (value, name, pid, n) => [value, `${name}${pid ? ' ' + pid : ''}, ${percent(n, run?.ticks || data.total)} busy`, n];
	const byBusy = list => options.push(...list.filter(Boolean).sort((a, b) => b[2] - a[2]));
	if (threads.some((_, i) => isNamed(i)) || processes.size > 1)
		options.push(['each', 'Each thread apart']);
	if (processes.size > 1)
		byBusy([...processes].map(([i, n]) => option('p' + i, short(threads[i].process), threads[i].pid, n)));
	byBusy(threads.map(({ tid, name }, i) => isNamed(i) && option('t' + i, name || 'thread', !name || namesakes[name] > 1 ? tid : 0, busy[i])));
	$('by').replaceChildren(...options.map(([value, text]) => new Option(text, value)));
	$('by').hidden = threads.length < 2;
}

function showLegend() {
	const items = earlier ? [['more than before', MORE], ['the same', SAME], ['less', LESS]] : origins.slice(0, 5);
	for (const [name, colour] of items) {
		const li = add($('legend'), 'li');
		add(li, 'i').style.background = mix(colour, colour, 0);
		li.append(name);
	}
}

// ---- keys, pointers, buttons ----
// Every button by its id; the key that does the same ends its title.
const actions = {
	'v-graph': () => set({ view: 'graph' }), 'v-table': () => set({ view: 'table' }),
	'reset': () => zoomTo(0), 'save': save, 'help': () => $('keys').showModal(),
	'theme': () => set({ theme: html.dataset.theme === 'dark' ? 'light' : 'dark' }),
	'prev': () => step(-1), 'next': () => step(1),
	'zoom': () => zoomTo(selected), 'relatives': () => showFunction(tree.key[selected]),
	'copy': () => copy(labelOf(tree.key[selected], state.lines), $('copy')),
	'copy-stack': () => copy(stackText(selected), $('copy-stack')),
	'more': () => { shownRows = Infinity; drawTable(); },
	'one-close': () => set({ fn: '' }),
	'one-show': () => set({ view: 'graph', zoom: '', q: exactly(+state.fn) }),
	'show-idle': () => {
		actions.idle();
		$('idle').focus();
	},
	'about': () => $('about').ariaExpanded = document.querySelector('header').classList.toggle('open')
};
for (const name of ['callers', 'icicle', 'weight', 'lines', 'idle', 'before'])
	actions[name] = () => set(name === 'callers' ? { callers: +!state.callers, zoom: '' } : { [name]: +!state[name] });
const keys = { '/': () => $('q').select(), 't': () => actions[state.view === 'graph' ? 'v-table' : 'v-graph'](), 'Escape': escape };
const keyNames = [['/, Ctrl-F', 'Search'], ['arrows, Home', 'From frame to frame'], ['Enter', 'Zoom in'],
	['Esc', 'End the search; zoom out'], ['t', 'Graph or functions']];

function escape() {
	if (state.q)
		set({ q: '' });
	else if (zoomed || free)
		zoomTo(0);
	else if (state.fn)
		set({ fn: '' });
	if (state.view === 'graph')
		canvas.focus();
}

function move(key) {
	if (free)
		zoomTo(zoomed);
	const up = state.icicle ? 'ArrowUp' : 'ArrowDown', t = tree, visible = i => i > 0 && t.size[i] > 0;
	let to = -1;
	if (key === 'Home') {
		to = 0;
	} else if (key === up) {
		to = t.parent[selected];
	} else if (key === 'ArrowUp' || key === 'ArrowDown') {
		for (let i = selected + 1; i < t.end[selected]; i = t.end[i])
			if (visible(i) && (isWithin(i, zoomed) || isWithin(zoomed, i)) && (to < 0 || t.size[i] > t.size[to]))
				to = i;
	} else { // the next of the same depth, also across parents
		const by = key === 'ArrowRight' ? 1 : -1;
		for (let i = selected + by; i > 0 && i < t.n; i += by)
			if (t.depth[i] === t.depth[selected] && visible(i) && isWithin(i, zoomed)) {
				to = i;
				break;
			}
	}
	if (to < 0)
		return;
	select(to);
	scrollTo(to);
}

document.addEventListener('keydown', event => {
	const typing = /^(INPUT|SELECT)$/.test(event.target.tagName), inGraph = state.view === 'graph' && !/^(BUTTON)$/.test(event.target.tagName);
	if ($('keys').open)
		return;
	if ((event.ctrlKey || event.metaKey) && event.key === 'f') {
		event.preventDefault();
		$('q').select();
	} else if (event.ctrlKey || event.metaKey || event.altKey) {
		return;
	} else if (typing) {
		if (event.target === $('q') && event.key === 'Enter')
			state.view === 'graph' && step(event.shiftKey ? -1 : 1);
		else if (event.target === $('q') && event.key === 'Escape')
			escape();
	} else if (inGraph && /^(Arrow|Home$)/.test(event.key)) {
		event.preventDefault();
		move(event.key);
	} else if (inGraph && event.key === 'Enter') {
		zoomTo(selected);
	} else if (keys[event.key]) {
		event.preventDefault();
		keys[event.key]();
	}
});

let pointer = '';
const fingers = new Map();
canvas.addEventListener('pointerdown', event => {
	pointer = event.pointerType;
	if (pointer === 'touch')
		fingers.set(event.pointerId, event.clientX);
});
for (const type of ['pointerup', 'pointercancel'])
	canvas.addEventListener(type, event => fingers.delete(event.pointerId));
canvas.addEventListener('wheel', event => { // with Ctrl it is a pinch on a touchpad
	const { clientX, deltaX, deltaY, ctrlKey } = event;
	if (!ctrlKey && Math.abs(deltaX) <= Math.abs(deltaY))
		return;
	event.preventDefault();
	pull(clientX, ctrlKey ? clientX : clientX - deltaX, view.size * (ctrlKey ? 1.01 ** deltaY : 1));
}, { passive: false });
canvas.addEventListener('pointermove', event => {
	if (fingers.has(event.pointerId)) {
		const [a, b = a] = fingers.values();
		fingers.set(event.pointerId, event.clientX);
		const [c, d = c] = fingers.values(), apart = (x, y) => Math.max(30, Math.abs(x - y));
		pull((a + b) / 2, (c + d) / 2, view.size * apart(a, b) / apart(c, d));
	}
	const i = event.pointerType === 'touch' ? -1 : nodeAt(event);
	hover(i);
	if (i < 0)
		return;
	const { clientX, clientY } = event, tip = $('tip'), box = tip.getBoundingClientRect();
	tip.style.left = Math.max(0, Math.min(clientX + 12, innerWidth - box.width - 8)) + 'px';
	tip.style.top = (clientY + box.height + 26 > innerHeight ? clientY - box.height - 10 : clientY + 18) + 'px';
});

function hover(i) {
	if (i === hovered)
		return;
	hovered = i;
	canvas.style.cursor = i < 0 ? '' : 'pointer';
	describe(i < 0 ? selected : i);
	$('tip').hidden = i < 0;
	if (i >= 0)
		$('tip').textContent = [nameOf(tree.key[i]), placeOf(tree.key[i], state.lines), $('numbers').textContent].filter(Boolean).join('\n');
	redraw();
}
canvas.addEventListener('pointerleave', () => hover(-1));
// A finger shows what is there first, and zooms when it comes again.
canvas.addEventListener('click', event => {
	const i = nodeAt(event);
	if (i >= 0 && (pointer !== 'touch' || i === selected))
		zoomTo(i);
	else if (i >= 0)
		select(i);
});
for (const type of ['focus', 'blur'])
	canvas.addEventListener(type, redraw);
for (const id in actions)
	$(id).addEventListener('click', actions[id]);
$('q').addEventListener('input', () => set({ q: $('q').value }));
$('by').addEventListener('change', () => set({ by: $('by').value }));
$('scroll').addEventListener('scroll', () => {
	hover(-1);
	redraw();
});
addEventListener('hashchange', () => {
	if (location.hash === written || (!location.hash && written === '#'))
		return;
	readFragment();
	written = location.hash;
	render();
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => render());
new ResizeObserver(resize).observe($('scroll'));
for (const strip of strips) {
	new ResizeObserver(markMore).observe(strip);
	strip.addEventListener('scroll', markMore);
}

$('plain').remove();
$('app').hidden = false;
$('before').hidden = !earlier;
$('lines').hidden = !frames.line.some(line => line > 0);
$('idle').hidden = !waits;
$('note-text').textContent = `Idle time is left out: ${samples(waits)} of ${count(data.total)}, ${percent(waits, data.total)}${ofGil}.`;
showRun();
showThreads();
showLegend();
for (const button of document.querySelectorAll('button[title]:not([hidden])')) {
	const [, text, key] = button.title.match(/(.*) \((.)\)$/) || [];
	if (key) {
		keys[key] = () => button.disabled || (button.offsetParent && actions[button.id]());
		keyNames.push([key, text]);
	}
}
for (const [key, text] of keyNames) {
	add(add($('key-list'), 'dt'), 'kbd', key);
	add($('key-list'), 'dd', text);
}
readFragment();
written = location.hash;
render();
draw();
performance.mark('drawn');
