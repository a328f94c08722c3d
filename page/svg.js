// SPDX-License-Identifier: Apache-2.0
//
// Fits an SVG picture of format/svg.c to its window, zooms and searches it; see there
// for what a frame is.
'use strict';
(() => {
	const MARGIN = 10, INNER = 1180, LETTER = 7.23, ROW = 17;
	const root = document.documentElement, details = document.getElementById('details');
	const heading = document.getElementById('heading'), title = heading.textContent;
	const frames = [...document.querySelectorAll('#frames > g')].map(g => {
		const [name, place, numbers] = g.firstChild.textContent.split('\n'), [rect, idle] = g.querySelectorAll('rect');
		const number = (attribute, of = rect) => +of.getAttribute(attribute), w = number('width');
		return { g, rect, idle, share: idle ? number('width', idle) / w : 0, name, place, numbers, x: number('x'), w, y: number('y') };
	});
	const all = frames[0];
	let inner = INNER, zoomed = all, current = all; // current has the keyboard

	function element(name, attributes, text) {
		const e = document.createElementNS(root.namespaceURI, name);
		for (const key in attributes)
			e.setAttribute(key, attributes[key]);
		e.textContent = text;
		return e;
	}

	function button(text, x, action) {
		const e = root.appendChild(element('text', { x, y: 24, 'text-anchor': 'end', class: 'quiet button', tabindex: 0, role: 'button' }, text));
		e.onclick = action;
		e.onkeydown = event => /^(Enter| )$/.test(event.key) && action();
		return e;
	}

	function label(f, x, w) {
		const room = Math.floor((w - 6) / LETTER);
		let text = f.g.querySelector('text');
		text?.remove();
		if (room < 3)
			return;
		text = element('text', { x: x + 3, y: f.y + 12 }, cut(f.name, room));
		f.g.append(text);
	}

	function cut(text, room) {
		const letters = [...text];
		return letters.length > room ? letters.slice(0, room - 1).join('') + '\u2026' : text;
	}

	// Without its script the picture has the size that it is given.
	function fit() {
		root.removeAttribute('viewBox');
		root.setAttribute('width', '100%');
		inner = Math.max(100, root.getBoundingClientRect().width - 2 * MARGIN);
		heading.textContent = cut(title, Math.floor((inner - 100) / 10));
		find.setAttribute('x', MARGIN + inner);
		reset.setAttribute('x', MARGIN + inner);
		zoom(zoomed);
	}

	function zoom(to) {
		zoomed = to;
		for (const f of frames) {
			const above = f.y > to.y && f.x <= to.x + .02 && f.x + f.w >= to.x + to.w - .02;
			const inside = f.y <= to.y && f.x >= to.x - .02 && f.x + f.w <= to.x + to.w + .02;
			const x = above || f === to ? MARGIN : MARGIN + (f.x - to.x) / to.w * inner;
			const w = above || f === to ? inner : f.w / to.w * inner;
			f.g.style.display = above || inside ? '' : 'none';
			f.g.style.opacity = above ? .6 : '';
			f.rect.setAttribute('x', x);
			f.rect.setAttribute('width', w);
			f.idle?.setAttribute('x', x + w * (1 - f.share));
			f.idle?.setAttribute('width', w * f.share);
			label(f, x, w);
		}
		reset.style.display = to === all ? 'none' : '';
		if (current.g.style.display)
			take(to);
	}

	// Makes a frame the one that Tab comes to.
	function take(f) {
		current.g.tabIndex = -1;
		f.g.tabIndex = 0;
		current = f;
	}

	// The frame that an arrow leads to: the heaviest that is called, the caller, neighbours.
	function next(key) {
		const from = current, shown = frames.filter(f => !f.g.style.display), row = y => shown.filter(f => f.y === y);
		if (key === 'ArrowUp')
			return row(from.y - ROW).filter(f => f.x >= from.x - .02 && f.x + f.w <= from.x + from.w + .02).sort((a, b) => b.w - a.w)[0];
		if (key === 'ArrowDown')
			return row(from.y + ROW).find(f => f.x <= from.x + .02 && f.x + f.w >= from.x + from.w - .02);
		if (key === 'Home')
			return all;
		const line = row(from.y).sort((a, b) => a.x - b.x);
		return line[line.indexOf(from) + (key === 'ArrowRight' ? 1 : -1)];
	}

	function press(event) {
		if (/^(Arrow|Home)/.test(event.key)) {
			const to = next(event.key);
			event.preventDefault();
			if (to)
				take(to);
		} else if (!/^(Enter| )$/.test(event.key)) {
			return;
		} else {
			event.preventDefault();
			zoom(current);
		}
		current.g.focus();
	}

	function search(pattern) {
		let regex, end = 0, sum = 0;
		try {
			regex = new RegExp(pattern, /[A-Z]/.test(pattern) ? 'm' : 'im');
		} catch {
			regex = new RegExp(pattern.replace(/[^\w\s]/g, '\\$&'), 'im');
		}
		const found = frames.filter(f => {
			const is = !!pattern && f !== all && regex.test(f.name + '\n' + f.place);
			f.g.setAttribute('class', is ? 'match' : pattern ? 'faint' : '');
			return is;
		});
		// What is above a match is counted with it.
		for (const f of found.sort((a, b) => a.x - b.x || b.w - a.w)) {
			if (f.x < end - .02)
				continue;
			end = f.x + f.w;
			sum += parseInt(f.numbers);
		}
		find.textContent = pattern ? `${pattern}: ${(100 * sum / (parseInt(all.numbers) || 1)).toFixed(1)} %` : 'Search';
	}

	function ask() {
		const pattern = prompt('Search for frames, a regular expression:', ask.last || '');
		if (pattern !== null)
			search(ask.last = pattern);
	}

	const find = button('Search', MARGIN + INNER, ask);
	const reset = button('Reset zoom', MARGIN + INNER, () => zoom(all));
	reset.setAttribute('y', 44);
	reset.style.display = 'none';
	for (const f of frames) {
		f.g.onclick = () => {
			take(f);
			zoom(f);
		};
		f.g.onmouseenter = f.g.onfocus = () => details.textContent = [f.name, f.place, f.numbers].filter(Boolean).join('   ');
		f.g.onkeydown = press;
		f.g.style.cursor = 'pointer';
		f.g.setAttribute('role', 'button');
	}
	take(all);
	fit();
	addEventListener('resize', fit);
	document.addEventListener('keydown', event => {
		if (event.key === '/' || ((event.ctrlKey || event.metaKey) && event.key === 'f')) {
			event.preventDefault();
			ask();
		} else if (event.key === 'Escape') {
			search(ask.last = '');
			zoom(all);
		}
	});
})();
