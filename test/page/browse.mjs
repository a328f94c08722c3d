// SPDX-License-Identifier: Apache-2.0
//
// Looks at pages and pictures as a person would, with a headless Chromium.
//
//   browse.mjs FOLDER > RESULTS
//
// The folder has what pictures.bats made. A line for each check: "ok NAME", or
// "not ok NAME: WHY". Environment: CHROMIUM is the browser, PYFLAME_NPM the folder
// where npm has installed playwright-core, and for one check axe-core.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const folder = process.argv[2];
const npm = createRequire(process.env.PYFLAME_NPM + '/'), { chromium } = npm('playwright-core');
const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM, args: process.getuid() ? [] : ['--no-sandbox']
});
const ROW = 19;
const read = name => readFileSync(`${folder}/${name}`, 'utf8');

// A page of its own for each check. Whatever goes wrong in it, and whatever it
// wants from elsewhere, is a fault.
let faults, pages;
const contexts = {}; // by their options: to begin one takes long, and pages keep nothing

async function open(file, fragment = '', options = {}) {
	const context = contexts[JSON.stringify(options)] ??= await browser.newContext({
		viewport: { width: 1200, height: 800 }, locale: 'en-US', reducedMotion: 'reduce', ...options
	});
	const page = await context.newPage();
	pages.push(page);
	page.on('console', message => ['error', 'warning'].includes(message.type()) && !message.text().startsWith('Canvas2D:') && faults.push(message.text()));
	page.on('pageerror', error => faults.push(error.message));
	page.on('request', request => /^(file|blob|data):/.test(request.url()) || faults.push('asks for ' + request.url()));
	page.on('dialog', dialog => dialog.type() === 'prompt' ? dialog.accept(page.answer) : faults.push('a dialog: ' + dialog.message()));
	await page.goto(`file://${folder}/${file}${fragment}`);
	return page;
}

const text = (page, id) => page.textContent('#' + id);
const frame = page => text(page, 'frame');
const numbers = page => text(page, 'numbers');
const pressed = (page, id) => page.getAttribute('#' + id, 'aria-pressed');

// The frame at a depth and a share of the width, of an icicle.
async function at(page, depth, share) {
	const box = await page.locator('#canvas').boundingBox();
	return [box.x + share * box.width, box.y + depth * ROW + ROW / 2];
}
async function hover(page, depth, share) {
	await page.mouse.move(...await at(page, depth, share));
	return frame(page);
}
async function waitFor(page, share, wanted) {
	for (let left = 100; await hover(page, 1, share) !== wanted; left--) {
		assert.ok(left, 'no ' + wanted);
		await page.mouse.move(1, 1);
	}
}
async function click(page, depth, share) {
	await page.mouse.click(...await at(page, depth, share));
}
const rows = page => page.$$eval('#rows tr', all => all.map(tr => [...tr.cells].map(td => td.textContent.replace('\u200e', ''))));
const pixels = (page, places) => page.$eval('#canvas', (canvas, all) => all.map(([left, top]) =>
	[...canvas.getContext('2d').getImageData(left, top, 1, 1).data.slice(0, 3)]), places);
const pixel = async (page, x, y) => (await pixels(page, [[x, y]]))[0];
const icicle = '#icicle=1';

const checks = {
	// In the order of names: (failed) 10, (idle) 40, main 100, run 50, of 200.
	async 'frames are where their samples put them'() {
		const page = await open('small.html', icicle);
		assert.equal(await hover(page, 0, .5), 'all');
		assert.match(await numbers(page), /^200 samples · 2.06 s · 100.0 % of all · self 0 /);
		assert.equal(await hover(page, 1, .04), '(failed)');
		assert.equal(await hover(page, 1, .2), '(idle)');
		assert.equal(await hover(page, 1, .3), 'main/srv/app.py:3');
		assert.match(await numbers(page), /^100 samples · 1.03 s · 50.0 % of all · self 0 /);
		assert.equal(await hover(page, 4, .3), 'fact/srv/app.py:20');
		assert.match(await numbers(page), /^15 samples · 155 ms · 7.50 % of all · self 15 \(7.50 %\)/);
		assert.equal(await hover(page, 2, .8), 'Condition.wait/usr/lib/python3.11/threading.py:320');
	},
	async 'a click zooms, ancestors stay, Escape and the button go back'() {
		const page = await open('small.html', icicle);
		await click(page, 1, .3);
		assert.equal(await hover(page, 0, .9), 'all');
		assert.equal(await hover(page, 1, .99), 'main/srv/app.py:3');
		assert.equal(await hover(page, 2, .1), 'fact/srv/app.py:20');
		assert.match(await numbers(page), /7.50 % of all · 15.0 % of the zoomed/);
		await page.keyboard.press('Escape');
		assert.equal(await hover(page, 1, .2), '(idle)');
		await click(page, 1, .3);
		await page.click('#reset');
		assert.equal(await hover(page, 1, .2), '(idle)');
		assert.equal(await page.isDisabled('#reset'), true);
	},
	async 'Back undoes a zoom, in motion, too'() {
		const page = await open('small.html', icicle, { reducedMotion: 'no-preference' });
		const shows = (share, wanted) => waitFor(page, share, wanted);
		await click(page, 1, .3);
		await shows(.05, 'main/srv/app.py:3');
		await page.goBack();
		await shows(.2, '(idle)');
	},
	async 'a flame stands on its root'() {
		const page = await open('small.html'), box = await page.locator('#canvas').boundingBox();
		const rise = async depth => {
			await page.mouse.move(box.x + .3 * box.width, box.y + box.height - depth * ROW - ROW / 2);
			return frame(page);
		};
		assert.equal(await rise(0), 'all');
		assert.equal(await rise(1), 'main/srv/app.py:3');
		assert.equal(await rise(2), 'fact/srv/app.py:20');
		await page.click('#icicle');
		assert.equal(await pressed(page, 'icicle'), 'true');
		assert.equal(await hover(page, 1, .3), 'main/srv/app.py:3');
	},
	async 'search counts what matches once, in percent'() {
		const page = await open('small.html');
		for (const [pattern, share] of [['decode', '15.0 %'], ['fact', '7.50 %'], ['WORK', '0.0 %'], ['work', '30.0 %'],
			['^w.*k$', '30.0 %'], ['app.py:9', '15.0 %'], ['main|fact', '50.0 %'], ['(', '25.0 %'], ['no such', '0.0 %']]) {
			await page.fill('#q', pattern);
			assert.equal(await text(page, 'found'), share, pattern);
		}
		await page.fill('#q', '');
		assert.equal(await text(page, 'found'), '');
	},
	async 'next and previous match'() {
		const page = await open('small.html');
		await page.keyboard.press('/');
		await page.keyboard.type('fact|decode');
		await page.keyboard.press('Enter');
		assert.equal(await text(page, 'found'), '1 of 4, 22.5 %');
		assert.equal(await frame(page), 'fact/srv/app.py:20');
		await page.click('#next');
		assert.equal(await text(page, 'found'), '2 of 4, 22.5 %');
		await page.click('#prev');
		await page.click('#prev');
		assert.equal(await text(page, 'found'), '4 of 4, 22.5 %');
		assert.equal(await frame(page), 'decode/usr/lib/python3.11/json/decoder.py:337');
		await page.keyboard.press('Control+f');
		assert.equal(await page.evaluate(() => document.activeElement.id), 'q');
		await page.keyboard.press('Escape');
		assert.equal(await page.inputValue('#q'), '');
	},
	async 'a match that is too narrow is zoomed to'() {
		const page = await open('many.html');
		await page.fill('#q', '^function_77_3$');
		await page.press('#q', 'Enter');
		assert.match(await frame(page), /^function_77_3/);
		assert.match(page.url(), /zoom=/);
	},
	async 'callers, merged from the leaves on'() {
		const page = await open('small.html', icicle);
		await page.click('#callers');
		assert.equal(await hover(page, 1, .4), 'Condition.wait/usr/lib/python3.11/threading.py:320');
		assert.equal(await hover(page, 2, .4), 'run/srv/app.py:30');
		await page.fill('#q', 'decode');
		assert.equal(await text(page, 'found'), '15.0 %');
		await page.press('#q', 'Enter');
		assert.match(await numbers(page), /^30 samples · 309 ms · 15.0 % of all/);
		await page.focus('#canvas');
		await page.keyboard.press('ArrowDown');
		assert.equal(await frame(page), 'work/srv/app.py:7');
		await page.keyboard.press('ArrowDown');
		assert.equal(await frame(page), 'main/srv/app.py:3');
		await page.keyboard.press('ArrowDown');
		assert.equal(await frame(page), 'main/srv/app.py:3');
	},
	async 'a table of functions, recursion counted once'() {
		const page = await open('small.html', '#view=table');
		const by = async () => Object.fromEntries((await rows(page)).map(([self, total, name]) => [name, [self, total]]));
		const table = await by();
		assert.deepEqual(table.fact, ['7.50 %', '7.50 %']);
		assert.deepEqual(table.main, ['0.0 %', '50.0 %']);
		assert.deepEqual(table.work, ['5.00 %', '30.0 %']);
		assert.deepEqual(table.sum, ['12.5 %', '12.5 %']);
		assert.equal((await rows(page))[0][2], 'Condition.wait');
		await page.click('#heads >> text=Total');
		assert.equal((await rows(page))[0][2], 'main');
		assert.equal(await page.getAttribute('#heads th:nth-child(2)', 'aria-sort'), 'descending');
		await page.click('#heads >> text=Function');
		assert.deepEqual((await rows(page)).map(row => row[2]).slice(-3), ['run', 'sum', 'work']);
		await page.click('#heads >> text=Function');
		assert.equal((await rows(page))[0][2], 'work');
		await page.fill('#q', 'app.py:9');
		assert.deepEqual((await rows(page)).map(row => row[2]), ['work']);
	},
	async 'the table has no button that does nothing, and its rows and headings are large'() {
		const page = await open('small.html', '#view=table&by=each');
		for (const id of ['prev', 'next', 'callers', 'icicle', 'weight', 'lines', 'reset', 'zoom', 'copy'])
			assert.equal(await page.isVisible('#' + id), false, id);
		for (const id of ['by', 'idle', 'save', 'theme', 'help'])
			assert.equal(await page.isVisible('#' + id), true, id);
		await page.keyboard.press('i');
		assert.equal(await pressed(page, 'icicle'), 'false');
		await page.click('#rows tr >> nth=0', { position: { x: 5, y: 3 } });
		assert.equal(await text(page, 'one-name'), 'Condition.wait');
		assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Condition.wait');
		const name = await page.locator('#heads th >> nth=2').boundingBox();
		await page.mouse.click(name.x + name.width - 3, name.y + 3);
		assert.equal(await page.getAttribute('#heads th:nth-child(3)', 'aria-sort'), 'ascending');
		await page.click('#rows >> text=main');
		assert.equal(await page.locator('#one-in button').count(), 0); // threads call it
		const small = await page.$$eval('#table tr, #table button', all => all.filter(e => e.offsetParent &&
			e.getBoundingClientRect().height < 24).map(e => e.outerHTML));
		assert.deepEqual(small, []);
	},
	async 'a file is shown with its brackets where they are'() {
		const page = await open('hostile.html', '#view=table');
		const ends = await page.$$eval('#rows .place', all => {
			const text = all.find(td => td.textContent.endsWith('<template>')).firstChild.firstChild, range = document.createRange();
			return [0, text.length - 1].map(i => {
				range.setStart(text, i);
				range.setEnd(text, i + 1);
				return range.getBoundingClientRect().left;
			});
		});
		assert.ok(ends[0] < ends[1], ends.join());
	},
	async 'a pointer that stays where it is does no harm'() {
		const page = await open('small.html', icicle);
		await click(page, 2, .9);
		assert.match(await hover(page, 2, .91), /^Condition.wait/);
		await page.selectOption('#by', 't2');
		assert.equal(await page.isVisible('#tip'), false);
		assert.equal(await frame(page), 'all');
		assert.match(await numbers(page), /^25 samples/);
	},
	async 'what is under the pointer is told beside it'() {
		const page = await open('small.html', icicle);
		assert.equal(await page.isVisible('#tip'), false);
		for (const share of [.3, .999]) {
			await hover(page, 1, share);
			await hover(page, 1, share - .001);
			const box = await page.locator('#tip').boundingBox(), [x, y] = await at(page, 1, share);
			assert.ok(box.x >= 0 && box.x + box.width <= 1200 && box.x < x + 40 && box.x + box.width > x - 40, box.x);
			assert.ok(box.y > y && box.y < y + 40, box.y);
		}
		assert.match(await text(page, 'tip'), /^run\n.srv.app.py:30\n50 samples · 515 ms/);
		await page.mouse.move(1, 1);
		assert.equal(await page.isVisible('#tip'), false);
	},
	async 'the heaviest functions stand beside a wide graph'() {
		const page = await open('small.html', icicle, { viewport: { width: 1400, height: 800 } });
		const list = () => page.$$eval('#heavy-rows tr', all => all.map(tr => [...tr.cells].map(td => td.textContent).join(' ')));
		assert.deepEqual(await list(), ['25.0 % Condition.wait', '20.0 % (idle)', '15.0 % decode', '12.5 % sum', '10.0 % load', '7.50 % fact', '5.00 % work']);
		await page.click('#heavy-rows >> text=decode');
		assert.equal(await text(page, 'found'), '15.0 %');
		await page.click('#heavy-rows >> text=decode');
		assert.equal(await page.inputValue('#q'), '');
		await click(page, 2, .5);
		assert.match(await frame(page), /^work/);
		assert.deepEqual(await list(), ['100.0 % decode']);
		await page.setViewportSize({ width: 1200, height: 800 });
		assert.equal(await page.isVisible('#heaviest'), false);
	},
	async 'callers and callees of a function'() {
		const page = await open('small.html', '#view=table');
		const list = id => page.$$eval(`#${id} tr`, all => all.map(tr => [...tr.cells].map(td => td.textContent).join(' ')));
		await page.click('#rows >> text=work');
		assert.match(await text(page, 'one-numbers'), /total 60 samples \(30.0 %\), self 10 \(5.00 %\)/);
		assert.deepEqual(await list('one-in'), ['100.0 % main']);
		assert.deepEqual(await list('one-out'), ['50.0 % decode', '33.3 % load']);
		await page.click('#one-in >> text=main');
		assert.deepEqual(await list('one-in'), ['nothing']);
		assert.deepEqual(await list('one-out'), ['60.0 % work', '25.0 % sum', '15.0 % fact']);
		await page.click('#rows >> text=fact');
		assert.deepEqual(await list('one-in'), ['100.0 % main']);
		assert.deepEqual(await list('one-out'), ['100.0 % fact']);
		await page.click('#one-show');
		assert.equal(await text(page, 'found'), '7.50 %');
		assert.equal(await pressed(page, 'v-graph'), 'true');
	},
	async 'threads and processes can be chosen'() {
		const page = await open('small.html', icicle);
		const names = await page.$$eval('#by option', all => all.map(option => option.textContent));
		assert.deepEqual(names, ['All threads', 'Each thread apart', 'app.py 10, 42.5 % busy', 'child.py 20, 12.5 % busy',
			'MainThread 10, 37.5 % busy', 'MainThread 20, 12.5 % busy', 'worker, 5.00 % busy']);
		const total = async name => {
			await page.selectOption('#by', { label: name });
			await hover(page, 0, .5);
			return (await numbers(page)).split(' ')[0];
		};
		assert.equal(await total(names[2]), '125');
		assert.equal(await total(names[3]), '25');
		assert.equal(await total(names[6]), '50');
		assert.equal(await hover(page, 1, .5), 'run/srv/app.py:30');
		assert.equal(await total(names[1]), '200');
		assert.equal(await hover(page, 1, .5), 'process 10 python3 app.py');
		assert.equal(await hover(page, 2, .5), 'thread 10 MainThread');
	},
	async 'boxes of threads have their names, without what is the same in all'() {
		const page = await open('small.html', '#by=each&icicle=1');
		await page.evaluate(() => {
			window.drawn = new Set();
			const { fillText } = CanvasRenderingContext2D.prototype;
			CanvasRenderingContext2D.prototype.fillText = function (...given) {
				window.drawn.add(given[0]);
				return fillText.apply(this, given);
			};
		});
		assert.equal(await hover(page, 1, .5), 'process 10 python3 app.py');
		assert.equal(await hover(page, 2, .5), 'thread 10 MainThread');
		await page.waitForFunction(() => window.drawn.has('main'));
		const drawn = await page.evaluate(() => [...window.drawn]);
		for (const name of ['app.py 10', 'child.py 20', 'MainThread', 'worker'])
			assert.ok(drawn.includes(name), name + ' in ' + drawn);
	},
	async 'lines can be left out'() {
		const page = await open('small.html', icicle);
		await page.fill('#q', 'work');
		await page.press('#q', 'Enter');
		assert.match(await text(page, 'found'), /^1 of 2,/);
		await page.click('#lines');
		await page.press('#q', 'Enter');
		assert.match(await text(page, 'found'), /^1 of 1, 30.0 %/);
		assert.equal(await frame(page), 'work/srv/app.py');
		assert.match(await numbers(page), /^60 samples/);
	},
	async 'lines are off at first where they break functions into crumbs'() {
		const page = await open('crumbs.html', icicle);
		assert.equal(await pressed(page, 'lines'), 'false');
		assert.equal(await hover(page, 1, .5), 'main/srv/app.py');
		await page.click('#lines');
		const again = await open('crumbs.html', new URL(page.url()).hash);
		assert.equal(await pressed(again, 'lines'), 'true');
		assert.match(await hover(again, 1, .5), /^main.srv.app.py:[12]$/);
	},
	async 'a function has its lines, the hottest first, with counts'() {
		const page = await open('small.html', '#view=table&lines=0');
		const list = () => page.$$eval('#one-lines tr', all => all.map(tr => [...tr.cells].map(td => td.textContent).join(' ')));
		await page.click('#rows >> text=work');
		assert.deepEqual(await list(), ['50.0 % 16.7 % app.py:9', '50.0 % 0.0 % app.py:7']);
		assert.deepEqual(await page.$$eval('#one-lines td', all => all.map(td => td.dataset.n)), ['30', '10', undefined, '30', '0', undefined]);
		await page.click('#rows >> text=fact');
		assert.deepEqual(await list(), ['100.0 % 100.0 % app.py:20']);
		await page.click('#rows >> text=Condition.wait');
		assert.deepEqual(await list(), ['100.0 % 100.0 % threading.py:320']);
		await page.click('#idle');
		assert.deepEqual(await page.$$eval('#one-lines td', all => all.map(td => td.dataset.n)), ['10', '10', undefined]);
		await page.selectOption('#by', 't0');
		assert.deepEqual(await list(), []);
		assert.equal(await page.isVisible('#one-hot'), false);
	},
	async 'siblings by name or by weight'() {
		const page = await open('small.html', icicle);
		assert.equal(await hover(page, 1, .04), '(failed)');
		await page.click('#weight');
		const order = [];
		for (const share of [.3, .6, .9, .97])
			order.push(await hover(page, 1, share));
		assert.deepEqual(order, ['main/srv/app.py:3', 'run/srv/app.py:30', '(idle)', '(failed)']);
		assert.equal(await hover(page, 2, .01), 'work/srv/app.py:7');
		await page.click('#callers');
		assert.match(await hover(page, 1, .1), /^Condition.wait/);
		await page.keyboard.press('w');
		assert.equal(await hover(page, 1, .01), '(failed)');
	},
	async 'idle time can be left out'() {
		const page = await open('small.html', icicle);
		await page.click('#idle');
		assert.equal(await hover(page, 0, .5), 'all');
		assert.match(await numbers(page), /^120 samples/);
		await page.fill('#q', 'Condition');
		assert.equal(await text(page, 'found'), '8.33 %');
		await page.fill('#q', 'idle');
		assert.equal(await text(page, 'found'), '0.0 %');
	},
	async 'what waited is grey, wherever it is'() {
		const page = await open('small.html', icicle), grey = [0xaa, 0xaa, 0xa8];
		const isGrey = async (depth, share) =>
			'' + await pixel(page, Math.round(1200 * share), depth * ROW + 3) === '' + grey;
		assert.deepEqual(await pixels(page, [[6 + .2 * 1200, ROW + 3]]), [grey]);
		assert.equal(await isGrey(1, .02), false); // (failed)
		// run and what it calls: 50 samples from 150 on, 40 of them idle
		for (const depth of [1, 2]) {
			assert.equal(await isGrey(depth, .77), false);
			assert.equal(await isGrey(depth, .97), true);
		}
		assert.equal(await isGrey(0, .59), false); // all: 80 of 200
		assert.equal(await isGrey(0, .97), true);
		await hover(page, 1, .8);
		assert.match(await numbers(page), /^50 samples · 515 ms .* idle 40 \(80.0 %\)/);
		await page.click('#callers');
		assert.equal(await hover(page, 1, .4), 'Condition.wait/usr/lib/python3.11/threading.py:320');
		assert.match(await numbers(page), / idle 40 /);
		assert.match(await text(page, 'legend'), /idle/);
		await page.click('#v-table');
		const cells = await page.$$eval('#rows tr', all => all.map(tr => [...tr.cells].slice(0, 3)).map(([self, total, name]) =>
			[name.textContent, self.style.getPropertyValue('--idle'), self.title, total.style.getPropertyValue('--idle')].join('; ')));
		assert.deepEqual(cells.slice(0, 2), ['Condition.wait; 20%; 50 samples, 40 idle; 20%', '(idle); 20%; 40 samples, 40 idle; 20%']);
		assert.ok(cells.includes('run; 0%; 0 samples; 20%') && cells.includes('main; 0%; 0 samples; 0%'), cells.join());
	},
	async 'a mostly idle profile opens with idle folded away, and says so'() {
		const page = await open('mostly.html', icicle), note = '#note';
		assert.equal(await pressed(page, 'idle'), 'false');
		assert.match(await text(page, 'note-text'), /^Idle time is left out: 440 samples of 560, 78.6 %\.$/);
		assert.equal(await page.isVisible(note), true);
		await hover(page, 0, .5);
		assert.match(await numbers(page), /^120 samples/);
		await page.click('#show-idle');
		assert.equal(await pressed(page, 'idle'), 'true');
		assert.equal(await page.isVisible(note), false);
		await hover(page, 0, .5);
		assert.match(await numbers(page), /^560 samples/);
		const again = await open('mostly.html', new URL(page.url()).hash);
		assert.equal(await pressed(again, 'idle'), 'true');
		// Nothing to be seen without; less than half; waits for the GIL.
		for (const name of ['waiting', 'small', 'contended']) {
			const other = await open(name + '.html');
			assert.equal(await pressed(other, 'idle'), 'true', name);
			assert.equal(await other.isVisible(note), false, name);
		}
		const contended = await open('contended.html');
		assert.match(await text(contended, 'run'), /idle440 \(78.6 %\), 400 for the GIL/);
	},
	async 'times add up to the run, whatever ticks were lost'() {
		const page = await open('small.html', icicle);
		await hover(page, 0, .5);
		assert.match(await numbers(page), /^200 samples · 2.06 s /); // 200 ticks, 10 ms each, and 6 are lost
	},
	async 'the address holds the view'() {
		const page = await open('small.html', icicle);
		await click(page, 1, .3);
		await page.fill('#q', 'fact');
		await page.click('#theme');
		await page.click('#lines');
		const other = await open('small.html', new URL(page.url()).hash);
		for (const one of [page, other]) {
			assert.equal(await text(one, 'found'), '7.50 %');
			assert.equal(await pressed(one, 'icicle'), 'true');
			assert.equal(await pressed(one, 'lines'), 'false');
			assert.equal(await one.getAttribute('html', 'data-theme'), 'dark');
			assert.equal(await hover(one, 1, .01), 'main/srv/app.py');
		}
	},
	async 'an address of nonsense does no harm'() {
		const page = await open('small.html', '#zoom=1.99999999.-1.x&view=%00&by=t77&fn=-5&sort=__proto__&q=%5B&theme=%22&icicle=1');
		assert.equal(await hover(page, 0, .5), 'all');
		await page.click('#v-table');
		await page.click('#v-graph');
	},
	async 'what is saved is what pyflame prints'() {
		for (const name of ['small', 'by-thread', 'hostile', 'compared']) {
			const page = await open(name + '.html', '#lines=0&by=t0&idle=0');
			const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
			assert.equal(download.suggestedFilename(), name + '.txt');
			assert.ok(readFileSync(await download.path()).equals(readFileSync(`${folder}/${name}.txt`)), name);
		}
	},
	async 'a frame and a stack can be copied'() {
		const page = await open('small.html', icicle, { permissions: ['clipboard-read', 'clipboard-write'] });
		const copied = async id => {
			await page.click('#' + id);
			await page.waitForFunction(button => document.getElementById(button).textContent === 'Copied', id);
			return page.evaluate(() => navigator.clipboard.readText());
		};
		await click(page, 3, .3);
		assert.equal(await copied('copy'), '/srv/app.py:fact:20');
		assert.equal(await copied('copy-stack'), '/srv/app.py:fact:20\n/srv/app.py:fact:20\n/srv/app.py:main:3\n');
	},
	async 'keys do what buttons do'() {
		const page = await open('small.html');
		for (const [key, id] of [['c', 'callers'], ['i', 'icicle'], ['l', 'lines'], ['d', 'idle']]) {
			const before = await pressed(page, id);
			await page.keyboard.press(key);
			assert.notEqual(await pressed(page, id), before, key);
			await page.keyboard.press(key);
		}
		await page.focus('#canvas');
		await page.keyboard.press('ArrowUp');
		assert.equal(await frame(page), 'main/srv/app.py:3');
		await page.keyboard.press('ArrowRight');
		assert.equal(await frame(page), 'run/srv/app.py:30');
		await page.keyboard.press('Enter');
		assert.equal(await page.isDisabled('#reset'), false);
		await page.keyboard.press('ArrowUp');
		assert.match(await frame(page), /^Condition.wait/);
		await page.keyboard.press('f');
		assert.match(await text(page, 'one-name'), /^Condition.wait/);
		await page.keyboard.press('t');
		assert.equal(await pressed(page, 'v-graph'), 'true');
		await page.keyboard.press('?');
		assert.equal(await page.isVisible('#keys'), true);
		assert.match(await text(page, 'key-list'), /Search/);
		await page.keyboard.press('Escape');
		assert.equal(await page.isVisible('#keys'), false);
	},
	async 'a finger shows a frame, and zooms when it comes again'() {
		const page = await open('small.html', icicle, { hasTouch: true, isMobile: true, viewport: { width: 390, height: 760 } });
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'wider than the screen');
		const place = await at(page, 1, .3);
		await page.touchscreen.tap(...place);
		assert.equal(await frame(page), 'main/srv/app.py:3');
		assert.equal(await page.isDisabled('#reset'), true);
		await page.touchscreen.tap(...place);
		assert.equal(await page.isDisabled('#reset'), false);
		await page.click('#about');
		assert.match(await text(page, 'run'), /pid10/);
		assert.equal(await page.isVisible('#run'), true);
	},
	async 'two fingers stretch the graph, one moves it'() {
		const page = await open('small.html', icicle, { hasTouch: true, isMobile: true, viewport: { width: 390, height: 760 } });
		const client = await page.context().newCDPSession(page), [, y] = await at(page, 1, 0);
		const touch = (type, ...xs) => client.send('Input.dispatchTouchEvent', { type, touchPoints: xs.map((x, id) => ({ x, y, id })) });
		const tap = async (depth, share, wanted) => {
			await page.touchscreen.tap(...await at(page, depth, share));
			await page.waitForFunction(name => document.getElementById('frame').textContent === name, wanted);
		};
		await touch('touchStart', 100, 200);
		for (let step = 1; step <= 10; step++)
			await touch('touchMove', 100 - 5 * step, 200 + 5 * step);
		await touch('touchEnd');
		// Twice as wide around 150 of 390: from sample 38.5 of 200 to 138.5.
		assert.equal(await page.isDisabled('#reset'), false);
		await tap(1, .05, '(idle)');
		await tap(1, .15, 'main/srv/app.py:3');
		await tap(2, .98, 'work/srv/app.py:9');
		assert.ok(await page.evaluate(() => visualViewport.scale === 1), 'the whole page was zoomed');
		await touch('touchStart', 300);
		for (let step = 1; step <= 10; step++)
			await touch('touchMove', 300 - 20 * step);
		await touch('touchEnd');
		assert.equal(await hover(page, 1, .98), 'run/srv/app.py:30');
		await page.click('#reset');
		assert.equal(await hover(page, 1, .02), '(failed)');
		assert.equal(await page.isDisabled('#reset'), true);
	},
	async 'a touchpad stretches and moves the graph'() {
		const page = await open('small.html', icicle);
		await page.mouse.move(...await at(page, 1, .75));
		await page.keyboard.down('Control');
		await page.mouse.wheel(0, -140);
		await page.keyboard.up('Control');
		await waitFor(page, .02, 'main/srv/app.py:3');
		await page.mouse.wheel(-5000, 0);
		await waitFor(page, .02, '(failed)');
		assert.equal(await hover(page, 1, .98), '(idle)');
		await page.keyboard.press('Escape');
		assert.equal(await hover(page, 1, .98), 'run/srv/app.py:30');
	},
	async 'a phone shows where a row of buttons goes on'() {
		const page = await open('small.html', '', { hasTouch: true, isMobile: true, viewport: { width: 390, height: 760 } });
		const more = () => page.$eval('nav .strip', strip => [strip.classList.contains('more'), getComputedStyle(strip, '::after').content]);
		assert.deepEqual(await more(), [true, '"›"']);
		await page.$eval('nav .strip', strip => strip.scrollLeft = 9999);
		await page.waitForFunction(() => !document.querySelector('nav .strip').classList.contains('more'));
		assert.deepEqual(await more(), [false, 'none']);
		const wide = await open('small.html');
		assert.equal(await wide.locator('.more').count(), 0);
	},
	async 'dark and light, from the system and by the switch'() {
		const dark = await open('small.html', icicle, { colorScheme: 'dark' }), light = await open('small.html', icicle);
		const back = page => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
		assert.equal(await back(dark), 'rgb(23, 24, 26)');
		assert.equal(await back(light), 'rgb(255, 255, 255)');
		assert.deepEqual(await pixel(dark, 600, 600), [23, 24, 26]);
		await dark.keyboard.press('k');
		assert.equal(await back(dark), 'rgb(255, 255, 255)');
		await light.emulateMedia({ colorScheme: 'dark' });
		await light.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
		assert.equal(await back(light), 'rgb(23, 24, 26)');
	},
	async 'the heading tells of the run'() {
		const page = await open('small.html'), run = await text(page, 'run');
		assert.equal(await text(page, 'title'), 'python3 app.py');
		assert.equal(await page.title(), 'python3 app.py – pyflame');
		for (const part of ['pid10', 'hostbox', 'Python3.12.1', 'start2023-11-1', 'duration2.5 s', 'rate100 Hz', 'modewall',
			'samples200', 'idle80 (40.0 %)', 'failed10 (10 torn)', 'missed4', 'left out2'])
			assert.ok(run.includes(part), part + ' in ' + run);
	},
	async 'the page fills its window, and follows it'() {
		const page = await open('small.html', icicle);
		assert.equal((await page.locator('#canvas').boundingBox()).width, 1200);
		await page.setViewportSize({ width: 700, height: 500 });
		await page.waitForFunction(() => document.getElementById('canvas').clientWidth === 700);
		assert.equal(await hover(page, 1, .3), 'main/srv/app.py:3');
	},
	async 'everything has a name for those who cannot see it'() {
		for (const fragment of ['', '#view=table&fn=0']) {
			const page = await open('compared.html', fragment);
			const nameless = await page.$$eval('button, input, select, canvas, section, nav, dialog, [role]', all => all.filter(e =>
				!e.getAttribute('aria-label') && !e.textContent.trim() && !e.hidden).map(e => e.outerHTML));
			assert.deepEqual(nameless, []);
		}
	},
	async 'axe finds nothing to complain of, in pages and pictures'() {
		const axe = readFileSync(npm.resolve('axe-core/axe.min.js'), 'utf8'), found = [];
		const rules = { 'target-size': { enabled: true } };
		for (const colorScheme of ['light', 'dark'])
			for (const screen of [{ viewport: { width: 1400, height: 800 } }, { viewport: { width: 390, height: 760 }, isMobile: true, hasTouch: true }])
				for (const file of ['small.html', 'small.html#q=work', 'small.html#view=table&fn=1', 'mostly.html', 'compared.html#view=table', 'empty.html', 'small.svg', 'compared.svg']) {
					const page = await open(...file.split(/(?=#)/), ...file.includes('#') ? [] : [''], { colorScheme, ...screen });
					await page.evaluate(axe);
					const { violations, passes } = await page.evaluate(options => axe.run(document, options), { rules });
					assert.ok(passes.length > (file.endsWith('svg') ? 1 : 15), passes.map(rule => rule.id).join());
					found.push(...violations.map(rule => `${file}, ${colorScheme}, ${screen.viewport.width}: ${rule.id}: ${rule.nodes[0].html.slice(0, 200)}`));
					await page.close();
					pages.pop();
				}
		assert.deepEqual(found, []);
	},
	async 'a profile of nothing is shown, too'() {
		const page = await open('empty.html');
		await page.mouse.move(600, 500);
		assert.equal(await frame(page), 'all');
		await page.click('#callers');
		await page.click('#v-table');
	},
	async 'hostile names are but names'() {
		const page = await open('hostile.html', '#view=table'), names = (await rows(page)).map(row => row[2]);
		for (const name of ['<script>hacked=1</script>', '</script><img src=x onerror=hacked=1>', '"\'&amp', 'esc\\x1b[31m', 'bad\\xff'])
			assert.ok(names.includes(name), name + ' in ' + names);
		assert.equal(await text(page, 'title'), '</title></script><script>hacked=1</script> & "co"');
		assert.equal(await page.evaluate(() => typeof hacked), 'undefined');
		assert.equal(await page.locator('img, script:not([type]) ~ script').count(), 0);
		await page.click('#rows button >> nth=0');
		await page.click('#v-graph');
		await page.fill('#q', '</script>');
		assert.notEqual(await text(page, 'found'), '0.0 %');
	},
	async 'it stays shut to what is not its own'() {
		const page = await open('small.html');
		const blocked = await page.evaluate(() => new Promise(done => {
			document.addEventListener('securitypolicyviolation', event => done(event.violatedDirective));
			document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.hacked = 1' }));
			setTimeout(() => done('nothing'), 2000);
		}));
		assert.match(blocked, /^script-src/);
		faults.length = 0;
	},
	async 'a comparison: red is more, blue is less, what is gone can be seen'() {
		const page = await open('compared.html', icicle);
		const colour = async share => (await hover(page, 1, share), pixel(page, Math.round(share * 1200) + 3, ROW + 3));
		// before: grown 10, shrunk 80, gone 10; now: grown 100, shrunk 100
		assert.equal(await hover(page, 1, .25), 'grown/srv/app.py:1');
		assert.match(await numbers(page), /50.0 % of all.* before 100 \(10.0 %\) · \+40.00 points/);
		const [red, , blue] = await colour(.25), [red2, , blue2] = await colour(.75);
		assert.ok(red > blue + 40 && blue2 > red2 + 40, [red, blue, red2, blue2].join());
		await page.click('#before');
		assert.equal(await hover(page, 1, .05), 'gone/srv/app.py:3');
		assert.match(await numbers(page), /^0 samples.*before 100 \(10.0 %\)/);
		await page.click('#v-table');
		await page.click('#heads >> text=Change');
		assert.deepEqual((await rows(page)).map(row => row[3]), ['grown', 'gone', 'shrunk']);
	},
	async '100,000 frames'() {
		const start = performance.now(), page = await open('many.html');
		const drawn = await page.evaluate(() => performance.getEntriesByName('drawn')[0].startTime);
		const loaded = performance.now();
		await page.fill('#q', 'function_12[0-9]+_1$');
		const share = await text(page, 'found'), searched = performance.now();
		assert.match(share, /^[1-9]/);
		await page.click('#callers');
		const inverted = performance.now();
		await page.click('#v-table');
		assert.equal((await rows(page)).length > 0, true);
		const ms = time => Math.round(time) + ' ms';
		console.log(`# 100,000 frames: drawn ${ms(drawn)} after the start, loaded ${ms(loaded - start)}, search ` +
			`${ms(searched - loaded)}, callers ${ms(inverted - searched)}, table ${ms(performance.now() - inverted)}`);
	},
	async 'SVG: zoom and back'() {
		const page = await open('small.svg'), width = name => page.evaluate(wanted => {
			const g = [...document.querySelectorAll('#frames > g')].find(one => one.firstChild.textContent.startsWith(wanted + '\n'));
			return g.style.display === 'none' ? 0 : +g.querySelector('rect').getAttribute('width');
		}, name);
		assert.equal(await width('main'), 590);
		await page.click('#frames text >> text="main"', { force: true });
		assert.equal(await width('main'), 1180);
		assert.equal(await width('all'), 1180);
		assert.equal(await width('run'), 0);
		assert.ok(Math.abs(await width('sum') - 295) < .1);
		await page.keyboard.press('Escape');
		assert.equal(await width('run'), 295);
		await page.click('#frames text >> text="main"', { force: true });
		await page.click('text=Reset zoom');
		assert.equal(await width('main'), 590);
	},
	async 'SVG: it fills its window, white or dark as a whole'() {
		const page = await open('small.svg', '', { colorScheme: 'dark', viewport: { width: 1500, height: 900 } });
		const ends = () => page.$$eval('#frames > g:first-child rect, .button', all => all.map(e => e.getBoundingClientRect().right).filter(Boolean));
		assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor), 'rgb(23, 24, 26)');
		for (const right of await ends())
			assert.ok(Math.abs(right - 1490) < 1, right);
		await page.setViewportSize({ width: 390, height: 700 });
		await page.waitForFunction(() => Math.abs(document.querySelector('#frames > g:first-child rect').getBoundingClientRect().right - 380) < 1);
		for (const right of await ends())
			assert.ok(Math.abs(right - 380) < 1, right);
		await page.setViewportSize({ width: 390, height: 80 });
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
		const light = await open('small.svg');
		assert.equal(await light.evaluate(() => getComputedStyle(document.documentElement).backgroundColor), 'rgb(255, 255, 255)');
		await light.click('#frames text >> text="main"', { force: true });
		await light.setViewportSize({ width: 800, height: 600 });
		await light.waitForFunction(() => [...document.querySelectorAll('#frames rect')].some(rect => rect.getAttribute('width') === '780'));
	},
	async 'SVG: keys reach every frame'() {
		const page = await open('small.svg'), name = () => page.evaluate(() => document.activeElement.firstChild.textContent.split('\n')[0]);
		const press = async key => (await page.keyboard.press(key), name());
		assert.equal(await press('Tab'), 'all');
		assert.equal(await press('ArrowUp'), 'main');
		assert.match(await text(page, 'details'), /^main   .srv.app.py:3   100 samples, 50.00 %/);
		assert.equal(await press('ArrowRight'), 'run');
		assert.equal(await press('ArrowRight'), 'run');
		assert.equal(await press('ArrowLeft'), 'main');
		assert.equal(await press('ArrowLeft'), '(idle)');
		assert.equal(await press('ArrowRight'), 'main');
		assert.equal(await press('Enter'), 'main');
		assert.equal(await press('ArrowRight'), 'main');
		assert.equal(await press('ArrowUp'), 'work');
		assert.equal(await press('ArrowDown'), 'main');
		assert.equal(await press('Home'), 'all');
		assert.equal(await press('Escape'), 'all');
		assert.equal(await press('ArrowUp'), 'main');
		assert.equal(await page.locator('#frames [tabindex="0"]').count(), 1);
	},
	async 'SVG: search'() {
		const page = await open('small.svg');
		for (const [pattern, share] of [['fact', '7.5 %'], ['app.py:9', '15.0 %'], ['main|fact', '50.0 %'], ['(', '25.0 %']]) {
			page.answer = pattern;
			await page.keyboard.press('/');
			assert.equal(await page.textContent('.button >> nth=0'), `${pattern}: ${share}`);
		}
		assert.equal(await page.locator('.match').count(), 2);
	},
	async 'SVG: hostile names are but names'() {
		const page = await open('hostile.svg');
		assert.equal(await text(page, 'heading'), '</title></script><script>hacked=1</script> & "co"');
		assert.equal(await page.evaluate(() => typeof hacked), 'undefined');
		assert.ok((await page.locator('#frames title').allTextContents()).some(title => title.startsWith('</script><img')));
		page.answer = '</script>';
		await page.keyboard.press('/');
		assert.ok(await page.locator('.match').count() > 0);
	},
	async 'page and SVG have the same colours'() {
		for (const name of ['small', 'by-thread', 'compared']) {
			const page = await open(name + '.html', icicle), picture = await open(name + '.svg');
			const boxes = await picture.$$eval('#frames > g', all => all.map(g => {
				const rect = g.querySelector('rect'), at = what => +rect.getAttribute(what);
				return [g.firstChild.textContent.split('\n')[0], at('x'), at('y'), rect.getAttribute('fill')];
			}));
			assert.ok(boxes.length > 2);
			const bottom = boxes[0][2];
			const seen = await pixels(page, boxes.map(([, x, y]) =>
				[Math.round(((x - 10) / 1180) * 1200) + 2, (bottom - y) / 17 * ROW + 2]));
			boxes.forEach(([label, , , fill], i) =>
				assert.equal('#' + seen[i].map(n => n.toString(16).padStart(2, '0')).join(''), fill, label));
		}
	}
};

for (const [name, check] of Object.entries(checks)) {
	faults = [];
	pages = [];
	try {
		await check();
		assert.deepEqual(faults, []);
		console.log('ok ' + name);
	} catch (error) {
		console.log(`not ok ${name}: ${error.message} ${error.stack.match(/browse.mjs:\d+/g)?.[0] ?? ''}`.replace(/\s+/g, ' '));
	}
	for (const page of pages)
		await page.close();
}
await browser.close();
