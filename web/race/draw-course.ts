import type { Course } from '../../server/games/boat-race/protocol.ts';
import { bearingDegrees, toRadians } from './angles.ts';
import { clampToEdge, toScreen } from './camera.ts';
import type { Camera, View } from './camera.ts';
import { hasFinished, middleOfStart, nextMark } from './course.ts';
import type { SampledBoat } from './interpolation.ts';
import { FOAM, hullColour, INK, WARM, WARM_LIGHT } from './palette.ts';

export interface Margins {
  top: number;
  right: number;
  /** In the uppermost part, where the map may be. */
  topRight: number;
  bottom: number;
  left: number;
}

const FONT = '"Avenir Next", "Segoe UI", system-ui, sans-serif';
const CHEQUERS = 24;
const TOP_PART_PIXELS = 60;

/** The start line, which is the finish too: chequered between two posts. */
export function drawStartLine(
  context: CanvasRenderingContext2D,
  camera: Camera,
  view: View,
  course: Course,
  isNext: boolean,
): void {
  const { start } = course;
  const from = toScreen(camera, view, { x: start.x1, y: start.y1 });
  const to = toScreen(camera, view, { x: start.x2, y: start.y2 });
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const thick = Math.max(7, camera.pixelsPerMetre * 1.5);
  context.save();
  context.translate(from.x, from.y);
  context.rotate(Math.atan2(to.y - from.y, to.x - from.x));
  context.globalAlpha = isNext ? 0.95 : 0.5;
  const cell = length / CHEQUERS;
  for (let column = 0; column < CHEQUERS; column++) {
    for (const row of [0, 1]) {
      context.fillStyle = (column + row) % 2 === 0 ? FOAM : INK;
      context.fillRect(column * cell, (row - 1) * (thick / 2), cell + 0.5, thick / 2);
    }
  }
  context.globalAlpha = 1;
  for (const x of [0, length]) {
    context.fillStyle = isNext ? WARM : FOAM;
    context.strokeStyle = INK;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, 0, thick * 0.75, 0, Math.PI * 2);
    context.fill();
    context.stroke();
  }
  context.restore();
}

/** The buoys with their number and the way round; the next one shines. */
export function drawBuoys(
  context: CanvasRenderingContext2D,
  camera: Camera,
  view: View,
  course: Course,
  nextBuoy: number,
  timeMs: number,
): void {
  for (const [index, buoy] of course.buoys.entries()) {
    const place = toScreen(camera, view, buoy);
    const isNext = index === nextBuoy;
    const radius = course.roundingRadiusMetres * camera.pixelsPerMetre;
    drawWayRound(context, place, radius, buoy.leaveTo, isNext, timeMs);
    drawBuoy(context, place, camera.pixelsPerMetre, String(index + 1), isNext, timeMs + index * 700);
  }
}

/** A buoy left to port is gone round against the clock. */
function drawWayRound(
  context: CanvasRenderingContext2D,
  place: { x: number; y: number },
  radius: number,
  leaveTo: 'port' | 'starboard',
  isNext: boolean,
  timeMs: number,
): void {
  const way = leaveTo === 'port' ? -1 : 1;
  context.save();
  context.translate(place.x, place.y);
  context.globalAlpha = isNext ? 0.95 : 0.26;
  context.strokeStyle = isNext ? WARM_LIGHT : FOAM;
  context.fillStyle = context.strokeStyle;
  context.lineWidth = isNext ? 2.5 : 1.5;
  if (isNext) {
    context.save();
    context.globalAlpha = 0.12 + 0.06 * Math.sin(timeMs / 320);
    context.beginPath();
    context.arc(0, 0, radius, 0, Math.PI * 2);
    context.fill();
    context.restore();
  }
  context.rotate((way * timeMs) / (isNext ? 1900 : 6000));
  for (let arc = 0; arc < 3; arc++) {
    const from = (arc * Math.PI * 2) / 3;
    const to = from + way * 1.45;
    context.beginPath();
    context.arc(0, 0, radius, from, to, way < 0);
    context.stroke();
    const tip = to + way * 0.14;
    const size = isNext ? 8 : 6;
    context.beginPath();
    context.moveTo(Math.cos(tip) * radius, Math.sin(tip) * radius);
    context.lineTo(Math.cos(to) * (radius - size), Math.sin(to) * (radius - size));
    context.lineTo(Math.cos(to) * (radius + size), Math.sin(to) * (radius + size));
    context.closePath();
    context.fill();
  }
  context.restore();
}

function drawBuoy(
  context: CanvasRenderingContext2D,
  place: { x: number; y: number },
  pixelsPerMetre: number,
  label: string,
  isNext: boolean,
  timeMs: number,
): void {
  const radius = Math.max(11, pixelsPerMetre * 2);
  const bob = Math.sin(timeMs / 540) * radius * 0.07;
  context.save();
  context.translate(place.x, place.y);
  context.fillStyle = 'rgba(2, 16, 28, 0.4)';
  context.beginPath();
  context.ellipse(radius * 0.28, radius * 0.36, radius, radius * 0.9, 0, 0, Math.PI * 2);
  context.fill();
  context.strokeStyle = FOAM;
  context.globalAlpha = 0.5;
  context.lineWidth = 2;
  context.beginPath();
  context.arc(0, 0, radius * (1.24 + 0.06 * Math.sin(timeMs / 540)), 0, Math.PI * 2);
  context.stroke();
  context.globalAlpha = 1;
  const ball = context.createRadialGradient(-radius * 0.4, -radius * 0.45, radius * 0.1, 0, 0, radius);
  ball.addColorStop(0, isNext ? '#ffd3bb' : '#f4fbff');
  ball.addColorStop(0.45, isNext ? WARM : '#b9d8e6');
  ball.addColorStop(1, isNext ? '#d8501d' : '#6f9fb6');
  context.fillStyle = ball;
  context.beginPath();
  context.arc(bob, -bob, radius, 0, Math.PI * 2);
  context.fill();
  context.fillStyle = INK;
  context.font = `800 ${Math.round(radius * 1.15)}px ${FONT}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(label, bob, -bob + radius * 0.06);
  context.restore();
}

/** The way to what comes next: a chevron around the own boat, and a sign at the edge while it is out of sight. */
export function drawWayToMark(
  context: CanvasRenderingContext2D,
  camera: Camera,
  view: View,
  course: Course,
  own: SampledBoat,
  margins: Margins,
): void {
  if (hasFinished(course, own)) return;
  const mark = nextMark(course, own.nextBuoy);
  const bearing = toRadians(bearingDegrees(own, mark));
  const place = toScreen(camera, view, own);
  const metres = Math.round(Math.hypot(mark.x - own.x, mark.y - own.y));
  const radius = Math.max(34, camera.pixelsPerMetre * 7.4);
  if (metres > course.roundingRadiusMetres) {
    context.save();
    context.translate(place.x + Math.sin(bearing) * radius, place.y - Math.cos(bearing) * radius);
    context.rotate(bearing);
    arrowHead(context, 11);
    context.fillStyle = WARM;
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = INK;
    context.stroke();
    context.restore();
  }
  const edge = clampToEdge(toScreen(camera, view, mark), view, margins);
  if (!edge.isOutside) return;
  const label = course.buoys[own.nextBuoy] === undefined ? 'Line' : `Buoy ${own.nextBuoy + 1}`;
  context.save();
  context.translate(edge.x, edge.y);
  context.font = `700 13px ${FONT}`;
  const text = `${label} · ${metres} m`;
  const width = context.measureText(text).width + 46;
  const right = edge.y < margins.top + TOP_PART_PIXELS ? margins.topRight : margins.right;
  const x = Math.min(Math.max(-width / 2, margins.left - edge.x - 20), view.width - right - edge.x + 20 - width);
  context.fillStyle = 'rgba(4, 25, 42, 0.85)';
  context.strokeStyle = WARM;
  context.lineWidth = 1.5;
  context.beginPath();
  context.roundRect(x, -16, width, 32, 16);
  context.fill();
  context.stroke();
  context.fillStyle = FOAM;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  context.fillText(text, x + 34, 1);
  context.translate(x + 18, 0);
  context.rotate(bearing);
  arrowHead(context, 8);
  context.fillStyle = WARM;
  context.fill();
  context.restore();
}

function arrowHead(context: CanvasRenderingContext2D, size: number): void {
  context.beginPath();
  context.moveTo(0, -size);
  context.lineTo(size * 0.8, size * 0.8);
  context.lineTo(0, size * 0.4);
  context.lineTo(-size * 0.8, size * 0.8);
  context.closePath();
}

/** A sailor's name under a boat. */
export function drawName(
  context: CanvasRenderingContext2D,
  place: { x: number; y: number },
  name: string,
  isOwn: boolean,
): void {
  if (name === '') return;
  context.save();
  context.font = `${isOwn ? 800 : 600} 12px ${FONT}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const width = context.measureText(name).width + 14;
  context.fillStyle = isOwn ? WARM : 'rgba(4, 25, 42, 0.62)';
  context.beginPath();
  context.roundRect(place.x - width / 2, place.y - 10, width, 20, 10);
  context.fill();
  context.fillStyle = isOwn ? INK : FOAM;
  context.fillText(name, place.x, place.y + 0.5);
  context.restore();
}

/** The whole water, small. */
export function drawMinimap(
  context: CanvasRenderingContext2D,
  frame: { x: number; y: number; size: number },
  course: Course,
  boats: SampledBoat[],
  ownBoat: number,
): void {
  const { size } = frame;
  const scale = (size - 16) / (course.halfSizeMetres * 2);
  const at = ({ x, y }: { x: number; y: number }): { x: number; y: number } => ({
    x: size / 2 + x * scale,
    y: size / 2 - y * scale,
  });
  const next = boats.find(({ boat }) => boat === ownBoat)?.nextBuoy;
  context.save();
  context.translate(frame.x, frame.y);
  context.fillStyle = 'rgba(4, 25, 42, 0.66)';
  context.strokeStyle = 'rgba(244, 251, 255, 0.28)';
  context.lineWidth = 1;
  context.beginPath();
  context.roundRect(0, 0, size, size, 16);
  context.fill();
  context.stroke();
  drawMinimapCourse(context, course, next, at);
  for (const boat of boats.toSorted((a, b) => Number(a.boat === ownBoat) - Number(b.boat === ownBoat))) {
    const place = at(boat);
    const isOwn = boat.boat === ownBoat;
    context.save();
    context.translate(place.x, place.y);
    context.rotate(toRadians(boat.headingDegrees));
    arrowHead(context, isOwn ? 7 : 5);
    context.fillStyle = hullColour(boat.boat, isOwn);
    context.fill();
    context.restore();
  }
  context.restore();
}

function drawMinimapCourse(
  context: CanvasRenderingContext2D,
  course: Course,
  nextBuoy: number | undefined,
  at: (point: { x: number; y: number }) => { x: number; y: number },
): void {
  const marks = [middleOfStart(course), ...course.buoys, middleOfStart(course)].map(at);
  context.strokeStyle = 'rgba(244, 251, 255, 0.22)';
  context.setLineDash([3, 4]);
  context.beginPath();
  for (const { x, y } of marks) context.lineTo(x, y);
  context.stroke();
  context.setLineDash([]);
  const { start } = course;
  const from = at({ x: start.x1, y: start.y1 });
  const to = at({ x: start.x2, y: start.y2 });
  context.strokeStyle = nextBuoy === course.buoys.length ? WARM : FOAM;
  context.lineWidth = 3;
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  context.stroke();
  context.font = `700 9px ${FONT}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  for (const [index, buoy] of course.buoys.entries()) {
    const { x, y } = at(buoy);
    context.fillStyle = index === nextBuoy ? WARM : '#b9d8e6';
    context.beginPath();
    context.arc(x, y, 6.5, 0, Math.PI * 2);
    context.fill();
    context.fillStyle = INK;
    context.fillText(String(index + 1), x, y + 0.5);
  }
}
