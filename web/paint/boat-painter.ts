import { toRadians } from '../race/angles.ts';
import type { SampledBoat } from '../race/interpolation.ts';
import { setSails } from '../race/sails.ts';
import type { SailSet } from '../race/sails.ts';
import { hullOf, PALETTE } from './palette.ts';

/** How long boats are drawn, in metres: larger than life, to be seen. */
export const BOAT_METRES = 8.4;

/** What the painter needs to know of a boat besides its state. */
export interface BoatLook {
  isOwn: boolean;
  isConnected: boolean;
}

/**
 * Paints a boat from above, its middle at the context's origin, north up, one unit a metre.
 * Shadow first, then hull, deck, crew and rig.
 */
export function paintBoat(
  context: CanvasRenderingContext2D,
  boat: SampledBoat,
  look: BoatLook,
  wind: { fromDegrees: number; speed: number },
  nowMs: number,
): void {
  const sails = setSails(boat.headingDegrees, wind.fromDegrees, wind.speed, boat.sheet);
  context.save();
  context.globalAlpha = look.isConnected ? 1 : 0.55;
  context.scale(BOAT_METRES / 2, BOAT_METRES / 2);
  paintShadow(context, boat.headingDegrees, sails);
  context.rotate(toRadians(boat.headingDegrees));
  paintRudder(context, boat.rudder);
  paintHull(context, boat.boat, sails.heel);
  paintCrew(context, sails, look.isOwn);
  paintRig(context, sails, nowMs + boat.boat * 377);
  context.restore();
}

/** Bow at y = -1, stern at y = 0.94: a sloop's plan, fullest aft of the middle. */
function hullPath(context: CanvasRenderingContext2D, halfBeam: number, inset: number): void {
  const beam = halfBeam - inset;
  context.beginPath();
  context.moveTo(0, -1 + inset * 1.7);
  context.bezierCurveTo(beam * 0.62, -0.62, beam * 1.02, -0.1, beam, 0.3);
  context.bezierCurveTo(beam * 0.98, 0.6, beam * 0.86, 0.82, beam * 0.74, 0.94 - inset);
  context.quadraticCurveTo(0, 1.0 - inset, -beam * 0.74, 0.94 - inset);
  context.bezierCurveTo(-beam * 0.86, 0.82, -beam * 0.98, 0.6, -beam, 0.3);
  context.bezierCurveTo(-beam * 1.02, -0.1, -beam * 0.62, -0.62, 0, -1 + inset * 1.7);
  context.closePath();
}

function paintShadow(context: CanvasRenderingContext2D, headingDegrees: number, sails: SailSet): void {
  context.save();
  context.translate(0.1, 0.14);
  context.rotate(toRadians(headingDegrees));
  context.fillStyle = 'rgba(2, 18, 32, 0.34)';
  hullPath(context, 0.36, -0.03);
  context.fill();
  context.translate(sails.heel * 0.2, 0);
  context.beginPath();
  context.ellipse(sails.heel * 0.25, 0.1, 0.3 + Math.abs(sails.heel) * 0.25, 0.62, 0, 0, Math.PI * 2);
  context.fillStyle = 'rgba(2, 18, 32, 0.16)';
  context.fill();
  context.restore();
}

function paintRudder(context: CanvasRenderingContext2D, rudder: number): void {
  context.save();
  context.translate(0, 0.93);
  context.rotate(toRadians(rudder * 38));
  context.fillStyle = PALETTE.woodDark;
  context.beginPath();
  context.roundRect(-0.028, -0.04, 0.056, 0.26, 0.03);
  context.fill();
  context.restore();
}

function paintHull(context: CanvasRenderingContext2D, boat: number, heel: number): void {
  const { hull, stripe } = hullOf(boat);
  const beam = 0.35 * (1 - Math.abs(heel) * 0.1);
  context.fillStyle = hull;
  hullPath(context, beam, 0);
  context.fill();
  context.lineWidth = 0.02;
  context.strokeStyle = 'rgba(4, 25, 42, 0.55)';
  context.stroke();
  context.save();
  // A heeled boat shows its windward side: the deck slides to leeward.
  context.translate(heel * 0.045, 0);
  context.fillStyle = stripe;
  hullPath(context, beam, 0.05);
  context.fill();
  const deck = context.createLinearGradient(-beam, 0, beam, 0);
  deck.addColorStop(0, heel > 0 ? '#f0d3a5' : PALETTE.woodDark);
  deck.addColorStop(0.5, PALETTE.wood);
  deck.addColorStop(1, heel > 0 ? PALETTE.woodDark : '#f0d3a5');
  context.fillStyle = deck;
  hullPath(context, beam, 0.085);
  context.fill();
  context.strokeStyle = 'rgba(110, 70, 30, 0.35)';
  context.lineWidth = 0.012;
  for (const plank of [-0.13, -0.065, 0, 0.065, 0.13]) {
    context.beginPath();
    context.moveTo(plank, -0.62 + Math.abs(plank) * 1.6);
    context.lineTo(plank, 0.14);
    context.stroke();
  }
  context.fillStyle = 'rgba(70, 42, 16, 0.62)';
  context.beginPath();
  context.roundRect(-0.17, 0.2, 0.34, 0.56, 0.1);
  context.fill();
  context.fillStyle = PALETTE.foam;
  context.beginPath();
  context.roundRect(-0.12, -0.12, 0.24, 0.24, 0.07);
  context.fill();
  context.fillStyle = 'rgba(10, 60, 90, 0.75)';
  context.beginPath();
  context.roundRect(-0.08, -0.09, 0.16, 0.08, 0.03);
  context.fill();
  context.restore();
}

/** Helmsman and crew, who sit out to windward. */
function paintCrew(context: CanvasRenderingContext2D, sails: SailSet, isOwn: boolean): void {
  const out = -sails.heel * 0.3;
  const hats = [isOwn ? PALETTE.accent : PALETTE.foam, '#ffd9b0'];
  [0.56, 0.34].forEach((y, index) => {
    const x = out * (1 - index * 0.15) + (sails.heel === 0 ? (index - 0.5) * 0.16 : 0);
    context.fillStyle = index === 0 ? '#123a55' : '#c9413f';
    context.beginPath();
    context.ellipse(x, y, 0.1, 0.075, 0, 0, Math.PI * 2);
    context.fill();
    context.fillStyle = hats[index] ?? PALETTE.foam;
    context.beginPath();
    context.arc(x, y, 0.052, 0, Math.PI * 2);
    context.fill();
  });
}

function paintRig(context: CanvasRenderingContext2D, sails: SailSet, nowMs: number): void {
  const mast = { x: sails.heel * 0.03, y: -0.2 };
  // The masthead leans to leeward as the boat heels: it is what shows the heel from above.
  const head = { x: mast.x + sails.heel * 0.46, y: mast.y + 0.1 };
  const flap = Math.sin(nowMs / 62) * sails.luffing;
  const boom = toRadians(sails.boomDegrees + flap * 5);
  const clew = { x: mast.x + Math.sin(boom) * 0.98, y: mast.y + Math.cos(boom) * 0.98 };
  const jibAngle = toRadians(sails.boomDegrees * 0.72 + flap * 9);
  const jibTack = { x: 0, y: -0.97 };
  const jibClew = { x: jibTack.x + Math.sin(jibAngle) * 0.8, y: jibTack.y + Math.cos(jibAngle) * 0.8 };
  const jibHead = { x: mast.x + sails.heel * 0.34, y: mast.y - 0.02 };
  paintSail(context, jibTack, jibClew, jibHead, sails.belly * 0.15 + flap * 0.05, nowMs, sails.luffing);
  context.strokeStyle = PALETTE.woodDark;
  context.lineCap = 'round';
  context.lineWidth = 0.035;
  context.beginPath();
  context.moveTo(mast.x, mast.y);
  context.lineTo(clew.x, clew.y);
  context.stroke();
  paintSail(context, mast, clew, head, sails.belly * 0.22 + flap * 0.06, nowMs, sails.luffing);
  context.strokeStyle = '#f7efe0';
  context.lineWidth = 0.045;
  context.beginPath();
  context.moveTo(mast.x, mast.y);
  context.lineTo(head.x, head.y);
  context.stroke();
  context.fillStyle = '#5c4122';
  context.beginPath();
  context.arc(mast.x, mast.y, 0.035, 0, Math.PI * 2);
  context.fill();
}

/** Cloth between tack, clew and head, bellied to leeward; a flapping one has a wave in it. */
function paintSail(
  context: CanvasRenderingContext2D,
  tack: { x: number; y: number },
  clew: { x: number; y: number },
  head: { x: number; y: number },
  belly: number,
  nowMs: number,
  luffing: number,
): void {
  const along = { x: clew.x - tack.x, y: clew.y - tack.y };
  const at = (share: number, out: number): [number, number] => [
    tack.x + along.x * share + along.y * out,
    tack.y + along.y * share - along.x * out,
  ];
  const wave = Math.sin(nowMs / 48) * 0.09 * luffing;
  const cloth = context.createLinearGradient(tack.x, tack.y, ...at(0.5, belly * 2.2));
  cloth.addColorStop(0, '#ffffff');
  cloth.addColorStop(1, '#cfe3e8');
  context.beginPath();
  context.moveTo(tack.x, tack.y);
  context.bezierCurveTo(...at(0.25, belly * 1.5 + wave), ...at(0.62, belly * 1.5 - wave), clew.x, clew.y);
  context.quadraticCurveTo(...mid(clew, head, belly * 0.2), head.x, head.y);
  context.closePath();
  context.fillStyle = cloth;
  context.fill();
  context.strokeStyle = 'rgba(18, 62, 86, 0.55)';
  context.lineWidth = 0.022;
  context.stroke();
}

function mid(a: { x: number; y: number }, b: { x: number; y: number }, out: number): [number, number] {
  return [(a.x + b.x) / 2 + (b.y - a.y) * out, (a.y + b.y) / 2 - (b.x - a.x) * out];
}
