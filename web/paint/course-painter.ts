import type { Course } from '../../server/games/boat-race/protocol.ts';
import { toScreen } from '../race/camera.ts';
import type { Camera, View } from '../race/camera.ts';
import { PALETTE } from './palette.ts';

/**
 * Paints the line and the buoys.
 *
 * @param nextBuoy which one is next for the player; the number of buoys when the line is
 */
export function paintCourse(
  context: CanvasRenderingContext2D,
  course: Course,
  camera: Camera,
  view: View,
  nextBuoy: number,
  nowMs: number,
): void {
  paintEdge(context, course, camera, view);
  paintLine(context, course, camera, view, nextBuoy === course.buoys.length);
  course.buoys.forEach((buoy, index) => {
    const place = toScreen(camera, view, buoy);
    const isNext = index === nextBuoy;
    const radius = course.roundingRadiusMetres * camera.pixelsPerMetre;
    if (place.x < -radius || place.y < -radius || place.x > view.width + radius || place.y > view.height + radius)
      return;
    if (isNext) paintRounding(context, place, radius, buoy.leaveTo, nowMs);
    paintBuoy(context, place, camera.pixelsPerMetre, index + 1, isNext, nowMs);
  });
}

/** The end of the water the boats may sail in: a row of floats. */
function paintEdge(context: CanvasRenderingContext2D, course: Course, camera: Camera, view: View): void {
  const size = course.halfSizeMetres * 2 * camera.pixelsPerMetre;
  const corner = toScreen(camera, view, { x: -course.halfSizeMetres, y: course.halfSizeMetres });
  context.save();
  context.strokeStyle = 'rgba(3, 22, 38, 0.28)';
  context.lineWidth = 2;
  context.strokeRect(corner.x, corner.y, size, size);
  context.strokeStyle = 'rgba(238, 248, 248, 0.75)';
  context.lineCap = 'round';
  context.lineWidth = 5;
  context.setLineDash([0.1, 26]);
  context.strokeRect(corner.x, corner.y, size, size);
  context.restore();
}

function paintLine(
  context: CanvasRenderingContext2D,
  course: Course,
  camera: Camera,
  view: View,
  isNext: boolean,
): void {
  const { x1, y1, x2, y2 } = course.start;
  const a = toScreen(camera, view, { x: x1, y: y1 });
  const b = toScreen(camera, view, { x: x2, y: y2 });
  context.save();
  context.lineWidth = isNext ? 5 : 3.5;
  context.strokeStyle = 'rgba(4, 25, 42, 0.5)';
  stroke(context, a, b);
  context.setLineDash([11, 11]);
  context.strokeStyle = isNext ? PALETTE.accent : PALETTE.foam;
  stroke(context, a, b);
  context.restore();
  for (const end of [a, b]) paintPole(context, end, camera.pixelsPerMetre);
  const isEastToWest = a.x > b.x;
  const [left, right] = isEastToWest ? [b, a] : [a, b];
  context.save();
  context.translate((left.x + right.x) / 2, (left.y + right.y) / 2);
  context.rotate(Math.atan2(right.y - left.y, right.x - left.x));
  context.font = '700 12px system-ui, sans-serif';
  context.textAlign = 'center';
  context.fillStyle = isNext ? '#ffd9c2' : 'rgba(238, 248, 248, 0.8)';
  context.fillText('START · FINISH', 0, 20);
  context.restore();
}

function paintPole(context: CanvasRenderingContext2D, place: { x: number; y: number }, pixelsPerMetre: number): void {
  const size = Math.max(10, pixelsPerMetre * 1.9);
  context.fillStyle = 'rgba(2, 18, 32, 0.3)';
  ellipse(context, place.x + 3, place.y + 4, size * 0.42, size * 0.3);
  context.fillStyle = PALETTE.foam;
  ellipse(context, place.x, place.y, size * 0.34, size * 0.34);
  context.strokeStyle = '#5c4122';
  context.lineWidth = 2.5;
  stroke(context, place, { x: place.x, y: place.y - size * 1.5 });
  for (let square = 0; square < 8; square++) {
    context.fillStyle = (square + Math.floor(square / 4)) % 2 === 0 ? PALETTE.ink : PALETTE.foam;
    const column = square % 4;
    const row = Math.floor(square / 4);
    context.fillRect(
      place.x + 1 + column * size * 0.27,
      place.y - size * 1.5 + row * size * 0.27,
      size * 0.27,
      size * 0.27,
    );
  }
}

/** The ring within which a buoy counts, and which way round to go. */
function paintRounding(
  context: CanvasRenderingContext2D,
  place: { x: number; y: number },
  radius: number,
  leaveTo: 'port' | 'starboard',
  nowMs: number,
): void {
  // With the buoy to port one goes round against the clock.
  const sense = leaveTo === 'port' ? -1 : 1;
  const turn = (nowMs / 2600) * sense;
  context.save();
  context.translate(place.x, place.y);
  context.fillStyle = 'rgba(255, 138, 76, 0.1)';
  ellipse(context, 0, 0, radius, radius);
  context.rotate(turn);
  context.strokeStyle = PALETTE.accent;
  context.fillStyle = PALETTE.accent;
  context.lineWidth = 3;
  context.lineCap = 'round';
  for (let arc = 0; arc < 3; arc++) {
    context.rotate((Math.PI * 2) / 3);
    context.beginPath();
    context.arc(0, 0, radius, 0, sense * 1.25, sense < 0);
    context.stroke();
    context.save();
    context.rotate(sense * 1.3);
    context.translate(radius, 0);
    context.beginPath();
    context.moveTo(-7, -2 * sense);
    context.lineTo(7, -2 * sense);
    context.lineTo(0, 10 * sense);
    context.closePath();
    context.fill();
    context.restore();
  }
  context.restore();
}

function paintBuoy(
  context: CanvasRenderingContext2D,
  place: { x: number; y: number },
  pixelsPerMetre: number,
  order: number,
  isNext: boolean,
  nowMs: number,
): void {
  const radius = Math.max(11, pixelsPerMetre * 1.8);
  const bob = Math.sin(nowMs / 620 + order * 2) * 1.6;
  context.save();
  context.translate(place.x, place.y);
  context.strokeStyle = 'rgba(238, 248, 248, 0.5)';
  context.lineWidth = 1.5;
  const ring = ((nowMs / 1900 + order * 0.3) % 1) * radius;
  context.globalAlpha = 1 - ring / radius;
  context.beginPath();
  context.ellipse(0, 3, radius + ring, (radius + ring) * 0.86, 0, 0, Math.PI * 2);
  context.stroke();
  context.globalAlpha = 1;
  context.fillStyle = 'rgba(2, 18, 32, 0.36)';
  ellipse(context, 5, 7, radius * 1.05, radius * 0.92);
  context.translate(0, bob);
  const ball = context.createRadialGradient(-radius * 0.35, -radius * 0.4, radius * 0.1, 0, 0, radius);
  ball.addColorStop(0, isNext ? '#ffd2ae' : '#ffe9b8');
  ball.addColorStop(0.45, isNext ? PALETTE.accent : '#e9b949');
  ball.addColorStop(1, isNext ? '#b94a16' : '#96691a');
  context.fillStyle = ball;
  ellipse(context, 0, 0, radius, radius);
  context.strokeStyle = 'rgba(255, 255, 255, 0.85)';
  context.lineWidth = Math.max(2, radius * 0.16);
  context.beginPath();
  context.arc(0, 0, radius * 0.74, 0, Math.PI * 2);
  context.stroke();
  context.fillStyle = '#ffffff';
  context.strokeStyle = 'rgba(60, 20, 0, 0.5)';
  context.lineWidth = 2.5;
  context.font = `800 ${Math.round(radius * 1.05)}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.strokeText(String(order), 0, 1);
  context.fillText(String(order), 0, 1);
  context.textBaseline = 'alphabetic';
  context.restore();
}

function ellipse(context: CanvasRenderingContext2D, x: number, y: number, radiusX: number, radiusY: number): void {
  context.beginPath();
  context.ellipse(x, y, radiusX, radiusY, 0, 0, Math.PI * 2);
  context.fill();
}

function stroke(context: CanvasRenderingContext2D, a: { x: number; y: number }, b: { x: number; y: number }): void {
  context.beginPath();
  context.moveTo(a.x, a.y);
  context.lineTo(b.x, b.y);
  context.stroke();
}
