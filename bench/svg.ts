/** Of curves, in order. */
export const COLOURS = ['#0b6e99', '#2a9d8f', '#e76f51', '#8d6a9f', '#b5838d'] as const;

/** An SVG of this size with a title, on white. */
export function svg({ width, height }: { width: number; height: number }, title: string, parts: string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13" fill="#22313f">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="60" y="30" font-size="17" font-weight="600">${escapeText(title)}</text>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
