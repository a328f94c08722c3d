// SPDX-License-Identifier: Apache-2.0
// Opens a file in speedscope itself, in a browser, and prints what that shows:
//   node speedscope.mjs NODE_MODULES BROWSER FILE
// needs the packages speedscope and playwright-core.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

const [modules, executablePath, file] = process.argv.slice(2)
const { chromium } = createRequire(modules + '/')('playwright-core')
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
const page = await browser.newPage()
page.on('pageerror', error => console.log('error: ' + error))
// As speedscope's own command does it.
const script = path.resolve(file + '.js')
const content = fs.readFileSync(file).toString('base64')
fs.writeFileSync(script, `speedscope.loadFileFromBase64("profile", "${content}")`)
await page.goto('file://' + path.join(modules, 'speedscope/dist/release/index.html') +
    '#localProfilePath=' + script.slice(1))
await page.waitForFunction(() => /Sandwich|went wrong/.test(document.body.innerText))
await page.keyboard.press('3') // functions as a table
await page.waitForFunction(() => /Symbol Name|went wrong/.test(document.body.innerText))
console.log(await page.title())
console.log(await page.innerText('body'))
await browser.close()
