// The least that is a game server: Ready, and a ping now and then.
import { request } from 'node:http';

/** @param {string} path */
function call(path) {
  return new Promise((resolve, reject) => {
    const port = process.env['AGONES_SDK_HTTP_PORT'];
    const asked = request({ host: '127.0.0.1', port, path, method: 'POST' }, (answer) =>
      answer.resume().on('end', resolve),
    );
    asked.on('error', reject);
    asked.end('{}');
  });
}

await call('/ready');
setInterval(() => {
  call('/health').catch(() => process.exit(0));
}, 2000);
