import { ahead, toRadians } from './angles.ts';
import { toScreen } from './camera.ts';
import type { Camera, View } from './camera.ts';
import type { SampledBoat } from './interpolation.ts';
import { FOAM, INK } from './palette.ts';
import { setSails } from './sails.ts';
import { WAKE_LASTS_MS } from './wakes.ts';
import type { WakePoint } from './wakes.ts';

/** Where the mast stands, in metres behind the boat's middle; negative is forward. */
const MAST = -0.9;
const BOOM_METRES = 4.5;
/** Boats are drawn a little larger than they are, so that one sees how their sails stand. */
const LARGER = 1.22;
const STERN_METRES = 3.6;

export interface BoatLook {
  hull: string;
  isOwn: boolean;
  isConnected: boolean;
}

/** A boat seen from above, with its sails set to the wind. */
export function drawBoat(
  context: CanvasRenderingContext2D,
  camera: Camera,
  view: View,
  boat: SampledBoat,
  wind: { fromDegrees: number; speed: number },
  look: BoatLook,
  timeMs: number,
): void {
  const place = toScreen(camera, view, boat);
  const sails = setSails(boat.headingDegrees, wind.fromDegrees, wind.speed, boat.sheet);
  const bob = Math.sin(timeMs / 620 + boat.boat * 2.1) * 0.06;
  context.save();
  context.translate(place.x, place.y);
  context.rotate(toRadians(boat.headingDegrees));
  context.scale(camera.pixelsPerMetre * LARGER, camera.pixelsPerMetre * LARGER);
  context.globalAlpha = look.isConnected ? 1 : 0.55;

  context.save();
  context.translate(0.35 + sails.heel * 0.7, 0.45);
  context.fillStyle = 'rgba(2, 16, 28, 0.38)';
  hullPath(context);
  context.fill();
  context.restore();

  context.save();
  context.transform(1 - Math.abs(sails.heel) * 0.16, 0, sails.heel * 0.03, 1 + bob * 0.2, 0, 0);
  drawBowFoam(context, boat.speed, timeMs);
  hullPath(context);
  context.fillStyle = look.hull;
  context.fill();
  context.lineWidth = 0.2;
  context.strokeStyle = look.isOwn ? FOAM : INK;
  context.stroke();
  drawDeck(context, sails.heel);
  drawRudder(context, boat.rudder);
  context.restore();

  const lean = sails.heel * 0.7;
  const flutter = Math.sin(timeMs / 55 + boat.boat) * sails.luffing;
  const boom = toRadians(sails.boomDegrees + flutter * 4);
  const end = { x: lean * 0.5 + Math.sin(boom) * BOOM_METRES, y: MAST + Math.cos(boom) * BOOM_METRES };
  const clew = { x: lean * 0.5 + Math.sin(boom) * 1.9, y: MAST - 0.5 + Math.cos(boom) * 1.5 };
  const cloth = sails.belly + flutter * 0.35;
  drawCloth(context, { x: 0, y: -4 }, clew, cloth * 0.32, boom, 'rgba(244, 251, 255, 0.86)');
  drawCloth(context, { x: lean * 0.3, y: MAST }, end, cloth * 0.38, boom, FOAM);
  context.strokeStyle = INK;
  context.lineWidth = 0.16;
  context.beginPath();
  context.moveTo(0, MAST);
  context.lineTo(end.x, end.y);
  context.stroke();
  context.fillStyle = INK;
  context.beginPath();
  context.arc(0, MAST, 0.24, 0, Math.PI * 2);
  context.fill();
  context.restore();
}

function hullPath(context: CanvasRenderingContext2D): void {
  context.beginPath();
  context.moveTo(0, -4.5);
  context.bezierCurveTo(1.1, -2.7, 1.75, -0.4, 1.5, 1.4);
  context.quadraticCurveTo(1.4, 2.9, 1, STERN_METRES);
  context.quadraticCurveTo(0, STERN_METRES + 0.3, -1, STERN_METRES);
  context.quadraticCurveTo(-1.4, 2.9, -1.5, 1.4);
  context.bezierCurveTo(-1.75, -0.4, -1.1, -2.7, 0, -4.5);
  context.closePath();
}

function drawDeck(context: CanvasRenderingContext2D, heel: number): void {
  context.save();
  context.translate(-heel * 0.22, 0);
  context.fillStyle = 'rgba(255, 255, 255, 0.32)';
  context.beginPath();
  context.ellipse(0, -1.1, 0.62, 1.9, 0, 0, Math.PI * 2);
  context.fill();
  context.fillStyle = 'rgba(4, 25, 42, 0.62)';
  context.beginPath();
  context.roundRect(-0.72, 0.9, 1.44, 2.05, 0.5);
  context.fill();
  context.restore();
}

function drawRudder(context: CanvasRenderingContext2D, rudder: number): void {
  const angle = toRadians(-rudder * 38);
  context.strokeStyle = INK;
  context.lineWidth = 0.22;
  context.beginPath();
  context.moveTo(0, STERN_METRES);
  context.lineTo(Math.sin(angle) * 1.1, STERN_METRES + Math.cos(angle) * 1.1);
  context.stroke();
}

/** A sail between two corners; `belly` in shares of its length, to leeward. */
function drawCloth(
  context: CanvasRenderingContext2D,
  from: { x: number; y: number },
  to: { x: number; y: number },
  belly: number,
  boomRadians: number,
  colour: string,
): void {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const out = { x: Math.cos(boomRadians) * length * belly, y: -Math.sin(boomRadians) * length * belly };
  const middle = { x: from.x + (to.x - from.x) * 0.42, y: from.y + (to.y - from.y) * 0.42 };
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.quadraticCurveTo(middle.x + out.x * 2.3, middle.y + out.y * 2.3, to.x, to.y);
  context.quadraticCurveTo(middle.x + out.x * 0.25, middle.y + out.y * 0.25, from.x, from.y);
  context.closePath();
  context.fillStyle = colour;
  context.fill();
  context.lineWidth = 0.13;
  context.lineJoin = 'round';
  context.strokeStyle = 'rgba(4, 25, 42, 0.55)';
  context.stroke();
}

function drawBowFoam(context: CanvasRenderingContext2D, speed: number, timeMs: number): void {
  const strength = Math.min(1, speed / 7);
  if (strength < 0.12) return;
  context.strokeStyle = FOAM;
  context.lineCap = 'round';
  for (const side of [-1, 1]) {
    for (const layer of [0, 1]) {
      const swing = Math.sin(timeMs / 130 + layer * 2 + side) * 0.12;
      context.globalAlpha = strength * (0.8 - layer * 0.4);
      context.lineWidth = 0.3 - layer * 0.1;
      context.beginPath();
      context.moveTo(side * 0.25, -4.1 + layer * 0.7);
      context.quadraticCurveTo(
        side * (1.5 + layer * 0.5 + swing),
        -2.6,
        side * (2 + layer * 0.8 + swing) * (0.7 + strength * 0.4),
        0.4 + layer,
      );
      context.stroke();
    }
  }
  context.globalAlpha = 1;
}

/** The foam behind a boat: it widens and fades. */
export function drawWake(
  context: CanvasRenderingContext2D,
  camera: Camera,
  view: View,
  trail: WakePoint[],
  boat: SampledBoat,
  nowMs: number,
): void {
  const stern = { ...boat, ...ahead(boat, boat.headingDegrees + 180, STERN_METRES * LARGER), atMs: nowMs };
  const points = [...trail, stern];
  context.lineCap = 'butt';
  context.strokeStyle = FOAM;
  for (const [index, point] of points.entries()) {
    const next = points[index + 1];
    if (next === undefined) return;
    const age = Math.min(1, (nowMs - point.atMs) / WAKE_LASTS_MS);
    const strength = (1 - age) * Math.min(1, point.speed / 5);
    if (strength < 0.03) continue;
    const spread = 0.7 + age * 3;
    for (const side of [-90, 90]) {
      strokeBetween(
        context,
        camera,
        view,
        ahead(point, point.headingDegrees + side, spread),
        ahead(next, next.headingDegrees + side, spread - 0.15),
        strength * 0.34,
        0.32,
      );
    }
    strokeBetween(context, camera, view, point, next, strength * 0.16, 1.3 + age * 2.4);
  }
}

function strokeBetween(
  context: CanvasRenderingContext2D,
  camera: Camera,
  view: View,
  from: { x: number; y: number },
  to: { x: number; y: number },
  alpha: number,
  metresWide: number,
): void {
  const start = toScreen(camera, view, from);
  const end = toScreen(camera, view, to);
  context.globalAlpha = alpha;
  context.lineWidth = Math.max(1, metresWide * camera.pixelsPerMetre);
  context.beginPath();
  context.moveTo(start.x, start.y);
  context.lineTo(end.x, end.y);
  context.stroke();
  context.globalAlpha = 1;
}
