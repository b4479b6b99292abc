/** A game server that says where its SDK server listens, and does nothing else: whoever reads the line is the game. */
const { AGONES_SDK_HTTP_PORT: http, AGONES_SDK_GRPC_PORT: grpc } = process.env;
process.stdout.write(`${JSON.stringify({ http: Number(http), grpc: Number(grpc) })}\n`);
setInterval(() => {}, 1_000_000);
process.on('SIGTERM', () => {
  process.exit(0);
});
