// SPDX-License-Identifier: Apache-2.0
//
// Zooms and searches an SVG picture of format/svg.c; see there for what a frame is.
'use strict';
(() => {
	const MARGIN = 10, INNER = 1180, LETTER = 7.23;
	const root = document.documentElement, details = document.getElementById('details');
	const frames = [...document.querySelectorAll('#frames > g')].map(g => {
		const [name, place, numbers] = g.firstChild.textContent.split('\n'), [rect, idle] = g.querySelectorAll('rect');
		const number = (attribute, of = rect) => +of.getAttribute(attribute), w = number('width');
		return { g, rect, idle, share: idle ? number('width', idle) / w : 0, name, place, numbers, x: number('x'), w, y: number('y') };
	});
	const all = frames[0];

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
		e.onkeydown = event => event.key === 'Enter' && action();
		return e;
	}

	function label(f, x, w) {
		const room = Math.floor((w - 6) / LETTER), letters = [...f.name];
		let text = f.g.querySelector('text');
		text?.remove();
		if (room < 3)
			return;
		text = element('text', { x: x + 3, y: f.y + 12 }, letters.length > room ? letters.slice(0, room - 1).join('') + '\u2026' : f.name);
		f.g.append(text);
	}

	function zoom(to) {
		for (const f of frames) {
			const above = f.y > to.y && f.x <= to.x + .02 && f.x + f.w >= to.x + to.w - .02;
			const inside = f.y <= to.y && f.x >= to.x - .02 && f.x + f.w <= to.x + to.w + .02;
			const x = above || f === to ? MARGIN : MARGIN + (f.x - to.x) / to.w * INNER;
			const w = above || f === to ? INNER : f.w / to.w * INNER;
			f.g.style.display = above || inside ? '' : 'none';
			f.g.style.opacity = above ? .6 : '';
			f.rect.setAttribute('x', x);
			f.rect.setAttribute('width', w);
			f.idle?.setAttribute('x', x + w * (1 - f.share));
			f.idle?.setAttribute('width', w * f.share);
			label(f, x, w);
		}
		reset.style.display = to === all ? 'none' : '';
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
		f.g.onclick = () => zoom(f);
		f.g.onmouseenter = () => details.textContent = [f.name, f.place, f.numbers].filter(Boolean).join('   ');
		f.g.style.cursor = 'pointer';
	}
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
