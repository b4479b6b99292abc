import type { Course } from '../../server/games/boat-race/protocol.ts';
import { toRadians } from '../race/angles.ts';
import { nextMark } from '../race/course.ts';
import type { RaceMoment } from '../race/interpolation.ts';
import { hullOf, PALETTE } from './palette.ts';

/** Paints the small chart: the whole course, the boats and where the wind comes from. North is up. */
export function paintChart(
  context: CanvasRenderingContext2D,
  size: number,
  course: Course,
  moment: RaceMoment,
  ownBoat: number,
): void {
  const place = ({ x, y }: { x: number; y: number }): { x: number; y: number } => ({
    x: size / 2 + (x / course.halfSizeMetres) * size * 0.4,
    y: size / 2 - (y / course.halfSizeMetres) * size * 0.4,
  });
  const own = moment.boats.find(({ boat }) => boat === ownBoat);
  context.clearRect(0, 0, size, size);
  paintLeg(context, place, course, own);
  paintMarks(context, place, course, own?.nextBuoy);
  for (const boat of moment.boats) {
    const { x, y } = place(boat);
    const isOwn = boat.boat === ownBoat;
    context.save();
    context.translate(x, y);
    context.rotate(toRadians(boat.headingDegrees));
    const length = isOwn ? 7.5 : 5.5;
    context.beginPath();
    context.moveTo(0, -length);
    context.quadraticCurveTo(length * 0.75, 0, length * 0.4, length * 0.75);
    context.lineTo(-length * 0.4, length * 0.75);
    context.quadraticCurveTo(-length * 0.75, 0, 0, -length);
    context.fillStyle = hullOf(boat.boat).hull;
    context.fill();
    context.lineWidth = isOwn ? 2 : 1;
    context.strokeStyle = isOwn ? PALETTE.accent : 'rgba(4, 25, 42, 0.8)';
    context.stroke();
    context.restore();
  }
  paintWind(context, size, moment.wind.fromDegrees);
}

type Place = (point: { x: number; y: number }) => { x: number; y: number };

function paintLeg(
  context: CanvasRenderingContext2D,
  place: Place,
  course: Course,
  own: RaceMoment['boats'][number] | undefined,
): void {
  if (own === undefined) return;
  const from = place(own);
  const to = place(nextMark(course, own.nextBuoy));
  context.save();
  context.setLineDash([3, 4]);
  context.strokeStyle = 'rgba(255, 138, 76, 0.85)';
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(from.x, from.y);
  context.lineTo(to.x, to.y);
  context.stroke();
  context.restore();
}

function paintMarks(
  context: CanvasRenderingContext2D,
  place: Place,
  course: Course,
  nextBuoy: number | undefined,
): void {
  const a = place({ x: course.start.x1, y: course.start.y1 });
  const b = place({ x: course.start.x2, y: course.start.y2 });
  context.strokeStyle = nextBuoy === course.buoys.length ? PALETTE.accent : PALETTE.foam;
  context.lineWidth = 2.5;
  context.beginPath();
  context.moveTo(a.x, a.y);
  context.lineTo(b.x, b.y);
  context.stroke();
  context.font = '700 9px system-ui, sans-serif';
  context.textAlign = 'center';
  course.buoys.forEach((buoy, index) => {
    const { x, y } = place(buoy);
    context.fillStyle = index === nextBuoy ? PALETTE.accent : '#d9b45c';
    context.beginPath();
    context.arc(x, y, 6, 0, Math.PI * 2);
    context.fill();
    context.fillStyle = PALETTE.ink;
    context.fillText(String(index + 1), x, y + 3.2);
  });
}

/** An arrow on the rim that flies with the wind. */
function paintWind(context: CanvasRenderingContext2D, size: number, fromDegrees: number): void {
  context.save();
  context.translate(size / 2, size / 2);
  context.rotate(toRadians(fromDegrees));
  context.translate(0, -size * 0.5 + 3);
  context.fillStyle = '#9fe3ee';
  context.beginPath();
  context.moveTo(0, 13);
  context.lineTo(6.5, 0);
  context.lineTo(0, 3);
  context.lineTo(-6.5, 0);
  context.closePath();
  context.fill();
  context.restore();
}
