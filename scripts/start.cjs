'use strict';
/**
 * Starts the program (program.js beside this file), with V8's code cache: the bytecode of every function that
 * an earlier run of the same command has used, so that none of it is parsed and compiled again. Node's own compile cache
 * (NODE_COMPILE_CACHE) is written before a module is run and so holds hardly any function.
 *
 * The cache lies in the directory of NODE_COMPILE_CACHE, which bin/care-provision sets: one file for each build, Node and
 * command. One that is not there, does not fit, is damaged, or is not ours alone to write is made anew at the end of the run;
 * that it cannot be written only makes the next start slower. V8 runs what it is given (its own check is left out of releases),
 * and ends by a signal, or does another thing than the source says, when a disk or a power cut has altered that: so a CRC-32
 * follows it, as one stands in Node's own cache (at the end, since V8 copies what does not begin at a whole word).
 */
const { closeSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');
const vm = require('node:vm');
const { crc32 } = require('node:zlib');

const BUILD = '@BUILD@';
/** A cache is made anew so often: the first run of a command may have been one that ended soon. */
const GENERATIONS = 3;
/** Caches of builds that nobody starts any more; one that is still used is made anew. */
const OLDEST_MS = 30 * 24 * 3600 * 1000;

/** The checksum of a cache, in bytes, which follows it. */
function checksum(data) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(data));
  return bytes;
}

/** Undefined when there is none, it is not as it was written, or somebody else could have put it there. */
function readCache(path) {
  let handle;
  try {
    handle = openSync(path, 'r');
    const { uid, mode } = fstatSync(handle);
    if (uid !== process.getuid() || (mode & 0o022) !== 0) return undefined;
    const file = readFileSync(handle);
    const data = file.subarray(0, -4);
    if (data.length > 0 && checksum(data).equals(file.subarray(-4))) return data;
    unlinkSync(path);
    return undefined;
  } catch {
    return undefined;
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

function writeCache(directory, stem, before, generation, script) {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const beside = `${stem}.new-${process.pid}`;
    const data = script.createCachedData();
    writeFileSync(beside, Buffer.concat([data, checksum(data)]), { mode: 0o600 });
    renameSync(beside, `${stem}.${generation}`);
    if (before > 0 && before !== generation) unlinkSync(`${stem}.${before}`);
    for (const name of readdirSync(directory)) {
      const other = join(directory, name);
      if (/^[0-9a-f]{16}-v/.test(name) && Date.now() - statSync(other).mtimeMs > OLDEST_MS) unlinkSync(other);
    }
  } catch {
    // A directory that cannot be written, a full disk: the next start is as slow as this one was.
  }
}

const path = join(__dirname, 'program.js');
const source = readFileSync(path, 'latin1');
const directory = process.env.NODE_COMPILE_CACHE;
const command = /^[a-z]{1,20}$/.test(process.argv[2] ?? '') ? process.argv[2] : 'none';
/**
 * A run is over in a fraction of a second: what Maglev compiles on helper threads from the 400th call on costs more processor
 * than the faster code gives back (40 of 205 ms at 100 tasks, 50 of 480 at 1,000; docs/performance.md). With a thousand hosts
 * memory counts: V8 would look for garbage when the heap has doubled since it last did. Older V8s do not know the former.
 */
if (command !== 'none' && Number.parseInt(process.versions.node, 10) >= 24) {
  const { setFlagsFromString } = require('node:v8');
  setFlagsFromString('--invocation-count-for-maglev=4000');
  setFlagsFromString('--heap-growing-percent=60');
}
const stem = directory === undefined ? undefined : join(directory, `${BUILD}-${process.version}-${process.arch}-${command}`);
let generation = stem === undefined ? 0 : GENERATIONS;
let cachedData;
while (generation > 0 && (cachedData = readCache(`${stem}.${generation}`)) === undefined) generation -= 1;
const script = new vm.Script(source, { filename: pathToFileURL(path).href, cachedData });
// Of another V8, or of other options of it.
const rejected = script.cachedDataRejected === true;
if (stem !== undefined && (rejected || generation < GENERATIONS)) process.once('exit', () => { writeCache(directory, stem, generation, rejected ? 1 : generation + 1, script); });
const program = { exports: {} };
script.runInThisContext()(program.exports, createRequire(path), program, path, __dirname);
