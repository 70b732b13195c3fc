// What the page uses of Preact, its hooks, signals and htm: one file, which the modules of ../src import.
import { h } from 'preact';
import htm from 'htm';

export { render } from 'preact';
export { useState, useEffect, useLayoutEffect, useRef } from 'preact/hooks';
export { signal, batch } from '@preact/signals';
export const html = htm.bind(h);
