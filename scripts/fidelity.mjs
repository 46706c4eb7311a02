/**
 * What scripts/demo asks of the JSON Lines that runs print.
 *
 *     fidelity.mjs follow                     copies a run's changes to the terminal as they come (standard input)
 *     fidelity.mjs compare PREDICTED MADE     both counts and the fidelity; status 1 when the sets differ
 *     fidelity.mjs count RUN                  how many changes
 *     fidelity.mjs drift RUN FILE             picks five resources of a run; writes FILE: host, resource, command, by tabs
 *     fidelity.mjs exactly RUN FILE           status 1 unless the run's changes, handlers apart, are those of FILE
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { changesOf, compare, keyOf, pickDrift, summaryOf, unknownOf } from './changes.mjs';

const MOST_SHOWN = 20;
const [command, ...args] = process.argv.slice(2);
const read = (path) => {
  const text = readFileSync(path, 'utf8');
  summaryOf(text);
  return text;
};
const show = (title, keys) => {
  for (const key of keys.slice(0, MOST_SHOWN)) console.log(`  ${title}: ${key}`);
  if (keys.length > MOST_SHOWN) console.log(`  ${title}: and ${keys.length - MOST_SHOWN} more`);
};

async function follow() {
  for await (const text of createInterface({ input: process.stdin })) {
    if (text.trim() === '') continue;
    const line = JSON.parse(text);
    if (line.type === 'change') console.log(`  ${line.host}: ${line.role === '' ? '' : `${line.role}: `}${line.resource}: ${line.what}`);
    else if (line.type === 'warning') console.log(`  warning: ${line.host === undefined ? '' : `${line.host}: `}${line.message}`);
    else if (line.type === 'task' && (line.status === 'failed' || line.status === 'unreachable')) console.log(`  ${line.host}: ${line.task}: ${line.status}: ${line.error ?? line.msg ?? ''}`);
    else if (line.type === 'summary') {
      const { ok, changed, failed, unreachable, unknown } = line.total;
      console.log(`  in ${line.seconds.toFixed(1)} s: ok ${ok}, changed ${changed}, failed ${failed}, unreachable ${unreachable}, unknown ${unknown}`);
    }
  }
}

process.on('uncaughtException', (error) => {
  console.error(`fidelity.mjs ${command}: ${error.message}`);
  process.exit(1);
});

switch (command) {
  case 'follow':
    await follow();
    break;
  case 'compare': {
    const [predicted, made] = args.map(read);
    const result = compare(changesOf(predicted), changesOf(made));
    const unknown = unknownOf(predicted);
    console.log(`predicted ${result.predicted} changes${unknown > 0 ? ` (and could not tell of ${unknown})` : ''}, made ${result.made}: fidelity ${(result.fidelity * 100).toFixed(1)} %`);
    show('predicted, not made', result.onlyPredicted);
    show('made, not predicted', result.onlyMade);
    process.exitCode = result.fidelity === 1 ? 0 : 1;
    break;
  }
  case 'count':
    console.log(changesOf(read(args[0])).length);
    break;
  case 'drift':
    writeFileSync(args[1], pickDrift(changesOf(read(args[0]))).map((each) => `${each.host}\t${each.resource}\t${each.command}\n`).join(''));
    break;
  case 'exactly': {
    const changes = changesOf(read(args[0]));
    const found = new Set(changes.filter((change) => !change.handler).map((change) => `${change.host} | ${change.resource}`));
    const wanted = new Set(readFileSync(args[1], 'utf8').split('\n').filter((line) => line !== '').map((line) => line.split('\t').slice(0, 2).join(' | ')));
    const missing = [...wanted].filter((key) => !found.has(key));
    const more = changes.filter((change) => !change.handler && !wanted.has(`${change.host} | ${change.resource}`)).map(keyOf);
    console.log(`${found.size} resources: ${missing.length === 0 && more.length === 0 ? 'exactly those that drifted' : 'not those that drifted'}`);
    show('drifted, not in the run', missing);
    show('in the run, had not drifted', more);
    process.exitCode = missing.length === 0 && more.length === 0 ? 0 : 1;
    break;
  }
  default:
    console.error('fidelity.mjs: one of follow, compare, count, drift, exactly');
    process.exitCode = 64;
}
