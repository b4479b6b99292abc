import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate and its key, PEM. */
export interface PairText {
  certificate: string;
  key: string;
}

/**
 * Certificate files as kubelet projects a Secret: `tls.crt` and `tls.key` are links through `..data`, which is swapped
 * at once for a link to a new folder.
 */
export class ProjectedSecret {
  readonly certFile: string;
  readonly keyFile: string;
  readonly #directory: string;
  #version = 0;

  constructor(directory: string, pair: PairText) {
    this.#directory = directory;
    this.certFile = join(directory, 'tls.crt');
    this.keyFile = join(directory, 'tls.key');
    this.replace(pair);
    symlinkSync(join('..data', 'tls.crt'), this.certFile);
    symlinkSync(join('..data', 'tls.key'), this.keyFile);
  }

  /** Puts another pair in place of the one before. */
  replace({ certificate, key }: PairText): void {
    const before = `..version-${this.#version}`;
    this.#version += 1;
    const name = `..version-${this.#version}`;
    mkdirSync(join(this.#directory, name));
    writeFileSync(join(this.#directory, name, 'tls.crt'), certificate);
    writeFileSync(join(this.#directory, name, 'tls.key'), key);
    symlinkSync(name, join(this.#directory, '..data_tmp'));
    renameSync(join(this.#directory, '..data_tmp'), join(this.#directory, '..data'));
    rmSync(join(this.#directory, before), { recursive: true, force: true });
  }
}
