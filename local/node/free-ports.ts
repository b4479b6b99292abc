import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { PortProtocol } from '../../lib/agones.ts';

/** Whether nothing on this machine listens on the port. It may be taken the moment after. */
export async function isPortFree(port: number, protocol: PortProtocol): Promise<boolean> {
  if (protocol !== 'UDP' && !(await isTcpPortFree(port))) return false;
  return protocol === 'TCP' || isUdpPortFree(port);
}

function isTcpPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => {
      resolve(false);
    });
    probe.listen(port, () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}

function isUdpPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createSocket('udp4');
    probe.once('error', () => {
      probe.close();
      resolve(false);
    });
    probe.bind(port, () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}
