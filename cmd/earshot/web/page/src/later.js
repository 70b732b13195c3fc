// What the page does not need at first: one module, see modules.js.

export { show as showAlert } from './alerts.js';
export { Conversation } from './conversation.js';
export { About, Details } from './details.js';
export { Ask, Menu, Pick, Picture, Start, Switcher } from './dialogs.js';
export { Emoji } from './emojis.js';
export { Doctor, Files, Outbox } from './files.js';
export { People, Requests } from './people.js';
export { Search } from './search.js';
export { First, Help, Recovery, Settings } from './settings.js';
export { Words } from './words.js';
