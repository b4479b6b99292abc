import { INK, WARM } from '../race/palette.ts';

interface Sailor {
  /** Where it starts, in shares of the width, and how many widths a second it sails. */
  from: number;
  pace: number;
  /** Which wave it rides, counted from the horizon. */
  layer: number;
  size: number;
  sail: string;
}

const WAVE_COLOURS = ['#1d7396', '#155f83', '#0e4c6e', '#093a58', '#062a43', '#041b2e'];
const SAILORS: Sailor[] = [
  { from: 0.16, pace: 0.008, layer: 1, size: 0.5, sail: '#dff3fb' },
  { from: 0.86, pace: 0.007, layer: 1, size: 0.42, sail: '#cfeaf6' },
  { from: 0.7, pace: 0.011, layer: 2, size: 0.8, sail: '#f4fbff' },
  { from: 0.27, pace: 0.014, layer: 3, size: 1.3, sail: WARM },
];

/** How far down the horizon is. */
const HORIZON = 0.56;

/** The sea before and between races: a low sun, waves, and boats that sail by. `timeMs` may stand still. */
export function drawSeascape(context: CanvasRenderingContext2D, width: number, height: number, timeMs: number): void {
  const seconds = timeMs / 1000;
  drawSky(context, width, height, seconds);
  for (const [layer, colour] of WAVE_COLOURS.entries()) {
    for (const sailor of SAILORS) {
      if (sailor.layer === layer) drawSailor(context, sailor, width, height, seconds);
    }
    drawWave(context, layer, colour, width, height, seconds);
    if (layer === 0) drawGlitter(context, width, height, seconds);
  }
}

function drawSky(context: CanvasRenderingContext2D, width: number, height: number, seconds: number): void {
  const horizon = height * HORIZON;
  const sky = context.createLinearGradient(0, 0, 0, horizon);
  sky.addColorStop(0, '#041c30');
  sky.addColorStop(0.5, '#0b4467');
  sky.addColorStop(0.82, '#2f86a6');
  sky.addColorStop(1, '#f0b08c');
  context.fillStyle = sky;
  context.fillRect(0, 0, width, horizon + 40);
  const sun = { x: sunX(width), y: horizon - 6, radius: Math.min(width, height) * 0.085 };
  const glow = context.createRadialGradient(sun.x, sun.y, 0, sun.x, sun.y, sun.radius * 6);
  glow.addColorStop(0, 'rgba(255, 190, 140, 0.85)');
  glow.addColorStop(0.35, 'rgba(255, 140, 90, 0.28)');
  glow.addColorStop(1, 'rgba(255, 122, 69, 0)');
  context.fillStyle = glow;
  context.fillRect(0, 0, width, horizon + 40);
  context.fillStyle = '#ffd9b8';
  context.beginPath();
  context.arc(sun.x, sun.y, sun.radius, 0, Math.PI * 2);
  context.fill();
  drawClouds(context, width, horizon, seconds);
  drawGulls(context, width, height, seconds);
}

function sunX(width: number): number {
  return width * 0.68;
}

function drawClouds(context: CanvasRenderingContext2D, width: number, horizon: number, seconds: number): void {
  for (let cloud = 0; cloud < 6; cloud++) {
    const length = width * (0.22 + (cloud % 3) * 0.1) + 80;
    const x = ((cloud * 0.37 * width + seconds * (3 + cloud)) % (width + length * 2)) - length;
    const y = horizon * (0.6 + (cloud % 4) * 0.085);
    const light = context.createLinearGradient(x, 0, x + length, 0);
    light.addColorStop(0, 'rgba(255, 214, 190, 0)');
    light.addColorStop(0.5, 'rgba(255, 214, 190, 0.24)');
    light.addColorStop(1, 'rgba(255, 214, 190, 0)');
    context.fillStyle = light;
    context.beginPath();
    context.ellipse(x + length / 2, y, length / 2, 3 + (cloud % 3) * 2, 0, 0, Math.PI * 2);
    context.fill();
  }
}

function drawGulls(context: CanvasRenderingContext2D, width: number, height: number, seconds: number): void {
  context.strokeStyle = 'rgba(244, 251, 255, 0.75)';
  context.lineCap = 'round';
  for (let gull = 0; gull < 4; gull++) {
    const x = ((0.18 + gull * 0.06) * width + seconds * (9 + gull) + gull * 40) % (width + 60);
    const y = height * (0.5 + gull * 0.011) + Math.sin(seconds * 0.7 + gull * 2) * 8;
    const wing = 7 + gull * 1.6;
    const beat = Math.sin(seconds * 5 + gull * 1.7) * wing * 0.4;
    context.lineWidth = 1.8;
    context.beginPath();
    context.moveTo(x - wing, y - beat);
    context.quadraticCurveTo(x - wing * 0.4, y - wing * 0.35, x, y);
    context.quadraticCurveTo(x + wing * 0.4, y - wing * 0.35, x + wing, y - beat);
    context.stroke();
  }
}

function drawGlitter(context: CanvasRenderingContext2D, width: number, height: number, seconds: number): void {
  const horizon = height * HORIZON;
  for (let glint = 0; glint < 34; glint++) {
    const depth = (glint + 0.5) / 34;
    const spread = 14 + depth * Math.min(width, 900) * 0.13;
    const x = sunX(width) + Math.sin(glint * 12.9 + seconds * 0.35) * spread;
    const length = (6 + depth * 30) * (0.6 + 0.4 * Math.sin(seconds * 1.9 + glint * 3.1));
    context.fillStyle = `rgba(255, 200, 160, ${(0.55 * (1 - depth)).toFixed(3)})`;
    context.beginPath();
    context.ellipse(x, horizon + 6 + depth * height * 0.12, Math.max(1, length), 1 + depth, 0, 0, Math.PI * 2);
    context.fill();
  }
}

function waveTop(layer: number, x: number, height: number, seconds: number): number {
  const depth = layer / (WAVE_COLOURS.length - 1);
  const size = 3 + depth * 17;
  const length = 90 + depth * 330;
  const base = height * (HORIZON + 0.012 + depth ** 1.25 * 0.35);
  return (
    base +
    Math.sin((x / length) * Math.PI * 2 - seconds * (0.7 - depth * 0.15) + layer * 1.9) * size +
    Math.sin((x / (length * 0.47)) * Math.PI * 2 + seconds * 0.55 + layer * 4.1) * size * 0.34
  );
}

function drawWave(
  context: CanvasRenderingContext2D,
  layer: number,
  colour: string,
  width: number,
  height: number,
  seconds: number,
): void {
  const crest = new Path2D();
  for (let x = -10; x <= width + 18; x += 9) crest.lineTo(x, waveTop(layer, x, height, seconds));
  const body = new Path2D(crest);
  body.lineTo(width + 20, height);
  body.lineTo(-10, height);
  body.closePath();
  context.fillStyle = colour;
  context.fill(body);
  context.strokeStyle = 'rgba(244, 251, 255, 0.2)';
  context.lineWidth = 1 + layer * 0.35;
  context.stroke(crest);
}

function drawSailor(
  context: CanvasRenderingContext2D,
  sailor: Sailor,
  width: number,
  height: number,
  seconds: number,
): void {
  const unit = Math.min(Math.max(width, 620), height * 1.1) * 0.1 * sailor.size;
  const travel = width + unit * 4;
  const x = ((sailor.from * width + seconds * sailor.pace * Math.max(width, 800)) % travel) - unit;
  const slope = waveTop(sailor.layer, x + 12, height, seconds) - waveTop(sailor.layer, x - 12, height, seconds);
  context.save();
  context.translate(x, waveTop(sailor.layer, x, height, seconds) + unit * 0.1);
  context.rotate(Math.atan2(slope, 24) * 0.6 + 0.07 + Math.sin(seconds * 0.8 + sailor.from * 9) * 0.03);
  context.scale(unit, unit);
  context.fillStyle = 'rgba(244, 251, 255, 0.5)';
  context.beginPath();
  context.ellipse(-0.1, 0.1, 1.15, 0.1, 0, 0, Math.PI * 2);
  context.fill();
  const main = new Path2D('M-.03 -2.45 C-.42 -1.8 -.78 -1.05 -.94 -.36 L-.03 -.36 Z');
  const jib = new Path2D('M.08 -2.2 C.42 -1.6 .86 -.85 1.1 -.28 Q.62 -.26 .16 -.42 Q.26 -1.3 .08 -2.2 Z');
  context.fillStyle = '#f4fbff';
  context.fill(main);
  context.fillStyle = sailor.sail;
  context.fill(jib);
  context.strokeStyle = INK;
  context.lineWidth = 0.035;
  context.beginPath();
  context.moveTo(0.02, -2.55);
  context.lineTo(0.02, -0.1);
  context.moveTo(0.02, -0.3);
  context.lineTo(-0.95, -0.3);
  context.stroke();
  context.fillStyle = sailor.sail === WARM ? WARM : '#f4fbff';
  context.fill(new Path2D('M-1 -.18 Q0 -.1 1.18 -.26 Q.85 .2 .45 .24 L-.7 .24 Q-.95 .1 -1 -.18 Z'));
  context.fillStyle = 'rgba(4, 25, 42, 0.5)';
  context.fill(new Path2D('M-.93 .03 Q0 .1 1 -.02 Q.8 .2 .45 .24 L-.7 .24 Q-.88 .16 -.93 .03 Z'));
  context.restore();
}
