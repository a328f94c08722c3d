// SPDX-License-Identifier: Apache-2.0
// Decodes a file by the package pprof-format and prints a line for each sample,
// its functions from the root on, and its count:
//   node pprof.js NODE_MODULES FILE
const fs = require('fs')
const zlib = require('zlib')

const [modules, file] = process.argv.slice(2)
const { Profile } = require(modules + '/pprof-format')
const profile = Profile.decode(zlib.gunzipSync(fs.readFileSync(file)))
const text = index => profile.stringTable.strings[Number(index)]
const functions = new Map(profile.function.map(f => [Number(f.id), text(f.name)]))
const locations = new Map(profile.location.map(l =>
    [Number(l.id), functions.get(Number(l.line[0].functionId)) + ':' + l.line[0].line]))
for (const sample of profile.sample)
    console.log(sample.locationId.map(id => locations.get(Number(id))).reverse().join(';') +
        ' ' + sample.value[0])
