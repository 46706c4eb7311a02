/** Which keys and passwords are offered, in which order, and what is said when none was taken. */
import { readFile } from 'node:fs/promises';
import ssh2, { type AnyAuthMethod, type AuthenticationType, type ParsedKey } from 'ssh2';
import { Diagnostic } from '../support/diagnostic.ts';
import type { Hop } from './route.ts';

interface Offer {
  readonly what: string;
  readonly method: AnyAuthMethod;
}

export interface Authentication {
  /** For ssh2's `authHandler`; false: nothing is left. */
  readonly next: (left: readonly AuthenticationType[] | null) => AnyAuthMethod | false;
  /** The refusal in words, once {@link next} has run out. */
  readonly refusal: () => Diagnostic;
}

/**
 * Reads the keys of a hop. Order: keys named for it, agent, ssh's default keys, password.
 *
 * @throws Diagnostic when nothing at all could be offered
 */
export async function prepareAuthentication(hop: Hop): Promise<Authentication> {
  const notes: string[] = [];
  const offers: Offer[] = [];
  const named = await Promise.all(hop.identityFiles.map((file) => readKey(file)));
  const usual = await Promise.all(hop.defaultIdentityFiles.filter((file) => !hop.identityFiles.includes(file)).map((file) => readKey(file)));
  const keyOffer = (file: string, key: ParsedKey): Offer => ({ what: `key ${file}`, method: { type: 'publickey', username: hop.user, key } });
  for (const { file, key, problem } of named) {
    if (key !== undefined) offers.push(keyOffer(file, key));
    else if (problem !== undefined) notes.push(problem);
  }
  // With IdentitiesOnly the agent's other keys must not use up the server's patience (MaxAuthTries).
  if (hop.agent !== undefined && !(hop.identitiesOnly && named.some((k) => k.key !== undefined))) {
    offers.push({ what: `agent ${hop.agent}`, method: { type: 'agent', username: hop.user, agent: hop.agent } });
  }
  if (!(hop.identitiesOnly && named.some((k) => k.key !== undefined))) {
    for (const { file, key, problem } of usual) {
      if (key !== undefined) offers.push(keyOffer(file, key));
      else if (problem !== undefined) notes.push(problem);
    }
  }
  if (hop.password !== undefined) {
    const password = hop.password.reveal();
    offers.push({ what: 'password', method: { type: 'password', username: hop.user, password } });
    offers.push({
      what: 'password (keyboard-interactive)',
      method: {
        type: 'keyboard-interactive',
        username: hop.user,
        prompt: (_name, _instructions, _lang, prompts, finish) => { finish(prompts.map((p) => (p.echo === true ? '' : password))); },
      },
    });
  }
  if (offers.length === 0) throw nothingToOffer(hop, notes);

  const tried: string[] = [];
  let accepted: readonly AuthenticationType[] | null = null;
  let at = 0;
  return {
    next: (left) => {
      accepted = left ?? accepted;
      for (let offer = offers[at]; offer !== undefined; offer = offers[at]) {
        at += 1;
        const type = offer.method.type === 'agent' ? 'publickey' : offer.method.type;
        if (left !== null && !left.includes(type)) continue;
        // The same password twice would count as two failures: the other way is for servers that have only it.
        if (type === 'keyboard-interactive' && tried.includes('password')) continue;
        tried.push(offer.what);
        return offer.method;
      }
      return false;
    },
    refusal: () => new Diagnostic({
      kind: 'unreachable',
      code: 'authentication-failed',
      summary: `${hop.label}: ${hop.user}@${hop.host} port ${String(hop.port)} did not let us in`,
      detail: [
        tried.length === 0 ? 'nothing could be tried' : `tried: ${tried.join(', ')}`,
        ...(accepted === null ? [] : [`the server takes: ${accepted.join(', ')}`]),
        ...notes,
      ].join('\n'),
      remedy: 'see that ansible_user is right and that the public key stands in its ~/.ssh/authorized_keys; name the key with ansible_ssh_private_key_file or load it with ssh-add',
    }),
  };
}

function nothingToOffer(hop: Hop, notes: readonly string[]): Diagnostic {
  const encrypted = notes.some((note) => note.includes('passphrase'));
  return new Diagnostic({
    kind: 'unreachable',
    code: encrypted ? 'encrypted-key' : 'no-credentials',
    summary: `${hop.label}: there is no key and no password to log in as ${hop.user} with`,
    detail: notes.length > 0 ? notes.join('\n') : 'no ansible_ssh_private_key_file, no agent (SSH_AUTH_SOCK), no default key in ~/.ssh, no ansible_password',
    remedy: encrypted ? 'load the key into an agent: eval "$(ssh-agent)"; ssh-add KEY' : 'name a key with ansible_ssh_private_key_file or load one into an agent with ssh-add',
  });
}

interface ReadKey {
  readonly file: string;
  readonly key?: ParsedKey;
  readonly problem?: string;
}

async function readKey(file: string): Promise<ReadKey> {
  let text: Buffer;
  try {
    text = await readFile(file);
  } catch (error) {
    return { file, problem: `the key ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  }
  const parsed = ssh2.utils.parseKey(text);
  if (parsed instanceof Error) {
    return { file, problem: /passphrase|encrypted/i.test(parsed.message) ? `the key ${file} is protected by a passphrase` : `the key ${file} cannot be used: ${parsed.message}` };
  }
  // parseKey gives a list for some formats although its type says otherwise; the first is the key.
  const key = Array.isArray(parsed) ? (parsed as readonly ParsedKey[])[0] : parsed;
  if (key?.isPrivateKey() !== true) return { file, problem: `${file} is not a private key` };
  return { file, key };
}
