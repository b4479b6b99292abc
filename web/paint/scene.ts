import type { Course } from '../../server/games/boat-race/protocol.ts';
import { bearingDegrees } from '../race/angles.ts';
import { follow, scaleFor, toScreen } from '../race/camera.ts';
import type { Camera, View } from '../race/camera.ts';
import { hasFinished, nextMark } from '../race/course.ts';
import type { RaceMoment, SampledBoat } from '../race/interpolation.ts';
import { isInNoGoZone, NO_GO_DEGREES } from '../race/sails.ts';
import { BOAT_METRES, paintBoat } from './boat-painter.ts';
import { paintCourse } from './course-painter.ts';
import { paintFarMark, paintLegArrow, paintName, paintNoGoZone } from './signs.ts';
import { Wakes } from './wakes.ts';
import { Water } from './water.ts';

/** What there is to see besides the water. */
export interface SceneContent {
  moment: RaceMoment;
  course: Course | undefined;
  ownBoat: number | undefined;
  nameOf: (boat: number) => string;
  isConnected: (boat: number) => boolean;
}

const CAMERA_STIFFNESS = 5;
/** The view leads the boat by this much of the way it makes in a second. */
const LEAD_SECONDS = 1.6;

/** Everything on the large canvas, painted anew on each frame. */
export class Scene {
  readonly #water = new Water();
  readonly #wakes = new Wakes();
  #camera: Camera | undefined;
  #lastMs = 0;

  /** @param isStill for those who want little motion: the water does not move by itself and the camera does not lag */
  paint(context: CanvasRenderingContext2D, view: View, content: SceneContent, nowMs: number, isStill: boolean): void {
    const { moment, course, ownBoat } = content;
    const own = moment.boats.find(({ boat }) => boat === ownBoat);
    const camera = this.#aim(view, own, nowMs, isStill);
    const motionMs = isStill ? 0 : nowMs;
    this.#water.paint(context, camera, view, moment.wind, nowMs, isStill);
    this.#wakes.note(moment.boats, nowMs);
    this.#wakes.paint(context, camera, view, nowMs);
    if (course !== undefined) {
      paintCourse(context, course, camera, view, moment.phase === 'finished' ? -1 : (own?.nextBuoy ?? 0), motionMs);
    }
    if (own !== undefined && moment.phase === 'racing') this.#paintGuides(context, view, camera, own, moment);
    // The own boat comes last: it is never hidden.
    const inOrder = moment.boats.toSorted((a, b) => Number(a.boat === ownBoat) - Number(b.boat === ownBoat));
    for (const boat of inOrder) {
      const place = toScreen(camera, view, boat);
      context.save();
      context.translate(place.x, place.y);
      context.scale(camera.pixelsPerMetre, camera.pixelsPerMetre);
      const look = { isOwn: boat.boat === ownBoat, isConnected: content.isConnected(boat.boat) };
      paintBoat(context, boat, look, moment.wind, motionMs);
      context.restore();
    }
    const above = BOAT_METRES * 0.62 * camera.pixelsPerMetre + 8;
    for (const boat of inOrder) {
      const name = content.nameOf(boat.boat);
      if (name !== '') paintName(context, name, toScreen(camera, view, boat), above, boat.boat === ownBoat);
    }
    if (own !== undefined && course !== undefined && !hasFinished(course, own)) {
      paintWay(context, view, camera, own, course);
    }
  }

  #aim(view: View, own: SampledBoat | undefined, nowMs: number, isStill: boolean): Camera {
    const pixelsPerMetre = scaleFor(view);
    const target = own === undefined ? { x: 0, y: 0 } : leadingPoint(own, view, pixelsPerMetre);
    const elapsedMs = Math.min(100, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    const isFirst = this.#camera === undefined;
    this.#camera = follow(
      this.#camera ?? { ...target, pixelsPerMetre },
      target,
      pixelsPerMetre,
      isStill || isFirst ? 60 : CAMERA_STIFFNESS,
      elapsedMs,
    );
    return this.#camera;
  }

  #paintGuides(
    context: CanvasRenderingContext2D,
    view: View,
    camera: Camera,
    own: SampledBoat,
    moment: RaceMoment,
  ): void {
    if (!isInNoGoZone(own.headingDegrees, moment.wind.fromDegrees)) return;
    const radius = BOAT_METRES * 1.9 * camera.pixelsPerMetre;
    paintNoGoZone(context, toScreen(camera, view, own), moment.wind.fromDegrees, NO_GO_DEGREES, radius);
  }
}

/** A point ahead of the boat, so that more is seen of where it goes; never so far that the boat leaves the view. */
function leadingPoint(own: SampledBoat, view: View, pixelsPerMetre: number): { x: number; y: number } {
  const most = (Math.min(view.width, view.height) * 0.2) / pixelsPerMetre;
  const metres = Math.min(most, own.speed * LEAD_SECONDS);
  const radians = (own.headingDegrees * Math.PI) / 180;
  return { x: own.x + Math.sin(radians) * metres, y: own.y + Math.cos(radians) * metres };
}

function paintWay(
  context: CanvasRenderingContext2D,
  view: View,
  camera: Camera,
  own: SampledBoat,
  course: Course,
): void {
  const mark = nextMark(course, own.nextBuoy);
  const metres = Math.hypot(mark.x - own.x, mark.y - own.y);
  const radius = BOAT_METRES * 0.95 * camera.pixelsPerMetre;
  paintLegArrow(context, toScreen(camera, view, own), bearingDegrees(own, mark), radius);
  const isLine = own.nextBuoy >= course.buoys.length;
  const isLast = own.lap === course.laps - 1;
  const lineName = isLast ? 'Finish' : 'Line';
  const name = isLine ? lineName : `Buoy ${own.nextBuoy + 1}`;
  paintFarMark(context, toScreen(camera, view, mark), view, `${name} · ${Math.round(metres)} m`);
}
