import { toRadians } from '../race/angles.ts';
import { clampToEdge } from '../race/camera.ts';
import type { View } from '../race/camera.ts';
import { PALETTE } from './palette.ts';

/** Writes a name over a boat, legible on any water. */
export function paintName(
  context: CanvasRenderingContext2D,
  name: string,
  place: { x: number; y: number },
  above: number,
  isOwn: boolean,
): void {
  context.font = `${isOwn ? 750 : 600} 13px system-ui, sans-serif`;
  context.textAlign = 'center';
  const y = place.y - above;
  context.lineJoin = 'round';
  context.lineWidth = 4;
  context.strokeStyle = 'rgba(4, 25, 42, 0.72)';
  context.strokeText(name, place.x, y);
  context.fillStyle = isOwn ? '#ffc9a8' : PALETTE.foam;
  context.fillText(name, place.x, y);
}

/** The ring around the own boat with the way to the next mark. */
export function paintLegArrow(
  context: CanvasRenderingContext2D,
  place: { x: number; y: number },
  bearing: number,
  radius: number,
): void {
  context.save();
  context.translate(place.x, place.y);
  context.strokeStyle = 'rgba(238, 248, 248, 0.2)';
  context.lineWidth = 1.5;
  context.beginPath();
  context.arc(0, 0, radius, 0, Math.PI * 2);
  context.stroke();
  context.rotate(toRadians(bearing));
  context.translate(0, -radius);
  context.beginPath();
  context.moveTo(0, -15);
  context.lineTo(11, 6);
  context.lineTo(0, 1);
  context.lineTo(-11, 6);
  context.closePath();
  context.lineJoin = 'round';
  context.lineWidth = 3;
  context.strokeStyle = 'rgba(4, 25, 42, 0.55)';
  context.stroke();
  context.fillStyle = PALETTE.accent;
  context.fill();
  context.restore();
}

/** Room the panels take at the screen's edges. */
export const EDGE_MARGINS = { top: 92, right: 44, bottom: 96, left: 44 };

/** At the edge of the screen: how far it is to a mark that cannot be seen. Nothing when it can. */
export function paintFarMark(
  context: CanvasRenderingContext2D,
  mark: { x: number; y: number },
  view: View,
  text: string,
): void {
  const { x, y, isOutside } = clampToEdge(mark, view, EDGE_MARGINS);
  if (!isOutside) return;
  context.font = '700 13px system-ui, sans-serif';
  context.textAlign = 'center';
  const width = context.measureText(text).width + 22;
  context.fillStyle = 'rgba(4, 25, 42, 0.78)';
  context.beginPath();
  context.roundRect(x - width / 2, y - 14, width, 28, 14);
  context.fill();
  context.strokeStyle = PALETTE.accent;
  context.lineWidth = 2;
  context.stroke();
  context.fillStyle = PALETTE.foam;
  context.fillText(text, x, y + 4.5);
}

/** The water at which no sail draws, ahead of a boat that points into it. */
export function paintNoGoZone(
  context: CanvasRenderingContext2D,
  place: { x: number; y: number },
  windFromDegrees: number,
  halfAngleDegrees: number,
  radius: number,
): void {
  context.save();
  context.translate(place.x, place.y);
  context.rotate(toRadians(windFromDegrees - 90));
  const shade = context.createRadialGradient(0, 0, radius * 0.25, 0, 0, radius);
  shade.addColorStop(0, 'rgba(255, 138, 76, 0)');
  shade.addColorStop(0.6, 'rgba(255, 138, 76, 0.3)');
  shade.addColorStop(1, 'rgba(255, 138, 76, 0)');
  context.fillStyle = shade;
  context.beginPath();
  context.moveTo(0, 0);
  context.arc(0, 0, radius, toRadians(-halfAngleDegrees), toRadians(halfAngleDegrees));
  context.closePath();
  context.fill();
  context.restore();
}
