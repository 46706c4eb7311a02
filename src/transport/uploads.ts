/** Large attachments of one runner: each is sent once, and found again by its content. */
import type { Attachment } from '../support/shell.ts';
import { attachmentSize } from './requests.ts';
import type { StageHost } from './stage.ts';
import { upload, type UploadOptions } from './transfer.ts';
import type { Become } from './types.ts';

/** What is kept on the host until the runner ends, in bytes; what is beyond goes with its script. */
const KEPT_BYTES = 128 * 1024 * 1024;

export class Uploads {
  readonly #host: StageHost;
  readonly #become: Become | undefined;
  readonly #kept = new Set<string>();
  #bytes = 0;

  constructor(host: StageHost, become: Become | undefined) {
    this.#host = host;
    this.#become = become;
  }

  /**
   * Puts attachments where a script will look for them.
   *
   * @param large the runner's directory for large files
   * @param sequence of the script
   * @returns shell to be run before the script, on its first line
   * @throws Diagnostic when one did not arrive whole
   */
  async place(large: string, sequence: number, attachments: readonly Attachment[], options: UploadOptions): Promise<string> {
    const links: string[] = [];
    for (const attachment of attachments) {
      const { id } = attachment;
      // What is no file of the controller's may be a secret: it stays no longer than its script.
      const keeps = this.#kept.has(id) || (attachment.content.kind === 'file' && this.#bytes + attachmentSize(attachment) <= KEPT_BYTES);
      if (!this.#kept.has(id)) {
        const digest = await upload(this.#host, this.#become, keeps ? `${large}/u` : `${large}/f${String(sequence)}`, attachment, options);
        // Named by its content: a file that has changed since it was named is not that.
        if (keeps && digest.startsWith(id)) {
          this.#kept.add(id);
          this.#bytes += attachmentSize(attachment);
        }
      }
      if (keeps) links.push(`ln -f "$care_files"/../u/${id} "$care_files"/ 2>/dev/null||cp "$care_files"/../u/${id} "$care_files"/||exit 1;`);
    }
    return links.length === 0 ? '' : `mkdir -p "$care_files"||exit 1;${links.join('')}`;
  }
}
