/** Reads the changes out of `--output json` (docs/json-output.md), and compares sets of them. */

/**
 * @typedef {{ host: string, role: string, task: string, resource: string, what: string, handler: boolean, unknown?: boolean }} Change
 */

/** @param {string} text JSON Lines @returns {Change[]} in order, those that check mode could not tell left out */
export function changesOf(text) {
  return linesOf(text).filter((line) => line.type === 'change' && line.unknown !== true);
}

/** How many changes check mode could not tell. @param {string} text */
export function unknownOf(text) {
  return linesOf(text).filter((line) => line.type === 'change' && line.unknown === true).length;
}

/** The last line. @param {string} text @returns {Record<string, unknown>} */
export function summaryOf(text) {
  const last = linesOf(text).at(-1);
  if (last?.type !== 'summary') throw new Error('the run has no summary: it was cut off');
  return last;
}

function linesOf(text) {
  return text.split('\n').filter((line) => line.trim() !== '').map((line) => JSON.parse(line));
}

/** What makes two changes the same one. @param {Change} change */
export function keyOf(change) {
  return [change.host, change.role, change.task, change.resource].join(' | ');
}

/**
 * Compares what was predicted with what was made.
 *
 * @param {readonly Change[]} predicted
 * @param {readonly Change[]} made
 * @returns {{ predicted: number, made: number, fidelity: number, onlyPredicted: string[], onlyMade: string[] }} sizes of
 *   both sets, |both| / |either| (1 when nothing was predicted and nothing made), and the differences
 */
export function compare(predicted, made) {
  const one = new Set(predicted.map(keyOf));
  const other = new Set(made.map(keyOf));
  const either = new Set([...one, ...other]);
  const onlyPredicted = [...one].filter((key) => !other.has(key));
  const onlyMade = [...other].filter((key) => !one.has(key));
  const both = either.size - onlyPredicted.length - onlyMade.length;
  return { predicted: one.size, made: other.size, fidelity: either.size === 0 ? 1 : both / either.size, onlyPredicted, onlyMade };
}

/** @typedef {{ host: string, resource: string, what: string, command: string }} Drift */

/** Paths that a host can't do without for a moment, or whose format takes no comment. */
const UNTOUCHED = /sudoers|authorized_keys|\/ssh|\.json$|\.pem$|\.key$|\.crt$|\.sh$/;

const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;

/**
 * Picks five resources among those that an apply made, each on a host that still has it, and a command for each that
 * makes it drift: a line too many, a file gone, a mode changed, a service stopped, a file emptied.
 *
 * @param {readonly Change[]} made
 * @returns {Drift[]} five, on as many hosts as there are
 * @throws Error when the changes do not offer five
 */
export function pickDrift(made) {
  const taken = new Set();
  const hosts = [...new Set(made.map((change) => change.host))];
  // A file that several tasks had a hand in is not any one task's to restore as a whole.
  const times = new Map();
  for (const change of made) times.set(`${change.host} ${change.resource}`, (times.get(`${change.host} ${change.resource}`) ?? 0) + 1);
  const created = made.filter((change) => times.get(`${change.host} ${change.resource}`) === 1).filter((change) => !change.handler && /^file \//.test(change.resource) && /creat|write|new|content/i.test(change.what));
  const files = created.map((change) => ({ host: change.host, resource: change.resource, path: change.resource.slice('file '.length) })).filter((file) => !UNTOUCHED.test(file.path));
  const units = made.filter((change) => !change.handler && /^unit \S+$/.test(change.resource) && /start|active/i.test(change.what));
  const take = (candidates, turn) => {
    // Nothing twice; a resource that no host has lost yet if there is one, and another host each time, so that drift is spread.
    const rest = candidates.filter((one) => !taken.has(`${one.host} ${one.resource}`));
    const fresh = rest.filter((one) => !taken.has(one.resource));
    const choice = fresh.length > 0 ? fresh : rest;
    const one = choice.find((each) => each.host === hosts[turn % hosts.length]) ?? choice[0];
    if (one !== undefined) taken.add(one.resource).add(`${one.host} ${one.resource}`);
    return one;
  };
  const drifts = [];
  const add = (one, what, command) => {
    if (one !== undefined) drifts.push({ host: one.host, resource: one.resource, what, command: command(one) });
  };
  add(take(units, 0), 'stopped', (one) => `systemctl stop ${quoted(one.resource.slice('unit '.length))}`);
  add(take(files, 1), 'removed', (one) => `rm -f ${quoted(one.path)}`);
  add(take(files, 2), 'mode changed', (one) => `chmod a+x ${quoted(one.path)}`);
  add(take(files, 3), 'a line too many', (one) => `echo '# drift' >>${quoted(one.path)}`);
  while (drifts.length < 5) {
    const one = take(files, drifts.length);
    if (one === undefined) throw new Error(`the apply made only ${drifts.length} resources that drift can be tried on`);
    add(one, 'emptied', () => `: >${quoted(one.path)}`);
  }
  return drifts;
}
