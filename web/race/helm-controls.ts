import { rudderOfTouch } from './steering.ts';
import type { HelmInput } from './steering.ts';

const PORT_KEYS = ['ArrowLeft', 'KeyA'];
const STARBOARD_KEYS = ['ArrowRight', 'KeyD'];
const EASE_KEYS = ['ArrowDown', 'KeyS'];
const TRIM_KEYS = ['ArrowUp', 'KeyW'];
const SAILING_KEYS = new Set([...PORT_KEYS, ...STARBOARD_KEYS, ...EASE_KEYS, ...TRIM_KEYS]);

/** What keys and a finger on the tiller amount to. Keys are `KeyboardEvent.code`s, so that layouts do not matter. */
export function inputOf(keys: ReadonlySet<string>, touchedRudder: number | undefined, isEaseHeld: boolean): HelmInput {
  const isHeld = (codes: string[]): boolean => codes.some((code) => keys.has(code));
  const keyed = Number(isHeld(STARBOARD_KEYS)) - Number(isHeld(PORT_KEYS));
  return {
    rudder: touchedRudder ?? keyed,
    isEasing: (isHeld(EASE_KEYS) || isEaseHeld) && !isHeld(TRIM_KEYS),
    isDirect: touchedRudder !== undefined,
  };
}

export interface HelmControlsOptions {
  window: Window;
  /** Where a finger steers. */
  surface: HTMLElement;
  /** Space. */
  onStart: () => void;
  /** A hand came to the helm. */
  onHand: () => void;
}

/** The player's hands: keyboard, and a finger across the water. Listens until it is closed. */
export class HelmControls {
  /** The button that eases the sheet is held. */
  isEaseHeld = false;
  readonly #keys = new Set<string>();
  readonly #listening = new AbortController();
  #pointer: { id: number; rudder: number } | undefined;

  constructor({ window, surface, onStart, onHand }: HelmControlsOptions) {
    const { signal } = this.#listening;
    window.addEventListener(
      'keydown',
      (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || isForControl(event.target)) return;
        if (event.code === 'Space' && !event.repeat) onStart();
        else if (!SAILING_KEYS.has(event.code)) return;
        else if (!this.#keys.has(event.code)) {
          this.#keys.add(event.code);
          onHand();
        }
        event.preventDefault();
      },
      { signal },
    );
    window.addEventListener('keyup', (event) => this.#keys.delete(event.code), { signal });
    window.addEventListener('blur', () => this.#letGo(), { signal });
    const steer = (event: PointerEvent): void => {
      const { left, width } = surface.getBoundingClientRect();
      this.#pointer = { id: event.pointerId, rudder: rudderOfTouch(event.clientX - left, width) };
    };
    surface.addEventListener(
      'pointerdown',
      (event) => {
        if (this.#pointer !== undefined || event.button !== 0) return;
        surface.setPointerCapture(event.pointerId);
        steer(event);
        onHand();
      },
      { signal },
    );
    surface.addEventListener('pointermove', (event) => event.pointerId === this.#pointer?.id && steer(event), {
      signal,
    });
    for (const type of ['pointerup', 'pointercancel', 'lostpointercapture'] as const) {
      surface.addEventListener(
        type,
        (event) => {
          if (event.pointerId === this.#pointer?.id) this.#pointer = undefined;
        },
        { signal },
      );
    }
  }

  input(): HelmInput {
    return inputOf(this.#keys, this.#pointer?.rudder, this.isEaseHeld);
  }

  close(): void {
    this.#listening.abort();
    this.#letGo();
  }

  #letGo(): void {
    this.#keys.clear();
    this.#pointer = undefined;
    this.isEaseHeld = false;
  }
}

/** Space on a button presses it, and letters in a field are text. */
function isForControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('button, input, a, textarea, select') !== null;
}
