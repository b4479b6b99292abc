/** A game server for tests: Ready at once, healthy, gone at SIGTERM. */
import { AgonesSdk } from '../../sdk/testing/agones-client.ts';

const sdk = new AgonesSdk();
await sdk.connect();
const { objectMeta } = await sdk.getGameServer();
await sdk.ready();
process.stdout.write(`${objectMeta.name} plays with ${process.argv.slice(2).join(' ')}\n`);
setInterval(() => {
  sdk.health(() => {
    // The sidecar has gone: so will this.
  });
}, 500);
process.on('SIGTERM', () => {
  process.stdout.write('leaving\n');
  process.exit(0);
});
