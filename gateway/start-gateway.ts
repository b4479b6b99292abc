import { X509Certificate } from 'node:crypto';
import { followCertificatePair } from '../lib/certificate-files.ts';
import type { CertificatePair } from '../lib/certificate-files.ts';
import type { Clock } from '../lib/clock.ts';
import type { Followed } from '../lib/followed.ts';
import { openKeyFile } from '../lib/key-set.ts';
import type { Logger } from '../lib/logger.ts';
import type { GatewayConfig } from './config.ts';
import { Gateway } from './gateway.ts';

export interface StartGatewayOptions {
  clock: Clock;
  logger: Logger;
  /** How many processes serve together. */
  processes: number;
}

/** A gateway with its keys and certificates, which follow their files. */
export interface RunningGateway {
  gateway: Gateway;
  /** When the certificate in use runs out; undefined without one. */
  certificateExpiresAtMs: () => number | undefined;
  /** Ends it in good order. */
  drain: () => Promise<void>;
}

/**
 * Makes the gateway of this process. It does not listen yet.
 *
 * @throws KeyFileError, CertificateFilesError
 */
export function startGateway(config: GatewayConfig, options: StartGatewayOptions): RunningGateway {
  const { clock, logger, processes } = options;
  const sealingKeys = openKeyFile(config.SEALING_KEYS_FILE, 'seal', {
    clock,
    logger,
    recheckMs: config.KEY_RECHECK_MS,
  });
  const certificates = followCertificates(config, options);
  const gateway = new Gateway({
    config,
    sealingKeys,
    clock,
    logger,
    processes,
    ...(certificates === undefined ? {} : { certificate: certificates.current() }),
  });
  const stopRenewing =
    certificates === undefined
      ? () => {}
      : renewAsItChanges(certificates, gateway, { clock, everyMs: config.KEY_RECHECK_MS });
  return {
    gateway,
    certificateExpiresAtMs: () =>
      certificates === undefined
        ? undefined
        : new X509Certificate(certificates.current().certificate).validToDate.getTime(),
    async drain() {
      stopRenewing();
      await gateway.drain();
    },
  };
}

function followCertificates(
  config: GatewayConfig,
  { clock, logger }: StartGatewayOptions,
): Followed<CertificatePair> | undefined {
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile, KEY_RECHECK_MS: recheckMs } = config;
  if (certFile === undefined || keyFile === undefined) return undefined;
  return followCertificatePair({ certFile, keyFile }, { clock, logger, recheckMs });
}

/** @returns what ends it */
function renewAsItChanges(
  certificates: Followed<CertificatePair>,
  gateway: Gateway,
  { clock, everyMs }: { clock: Clock; everyMs: number },
): () => void {
  let used = certificates.current();
  const look = (): void => {
    const found = certificates.current();
    if (found !== used) gateway.useCertificate(found);
    used = found;
    cancel = clock.after(everyMs, look);
  };
  let cancel = clock.after(everyMs, look);
  return () => {
    cancel();
  };
}
