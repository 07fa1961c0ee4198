/** Elements of the page. All text goes in as text: there is no way here to hand in markup. */

type Child = Element | string | undefined;
type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

export function html<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  return filled(document.createElement(name), attributes, children);
}

export function svg<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[Name] {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}

/** The element of that id, which the page has. */
export function byId<Type extends Element = HTMLElement>(id: string): Type {
  return document.getElementById(id) as unknown as Type;
}

function filled<Made extends Element>(made: Made, attributes: Attributes, children: readonly Child[]): Made {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : String(value));
  }
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

/** Rows of a table body, written anew only when they say something else: a reader's selection and place stay. */
export function fill(body: HTMLElement, key: string, rows: () => readonly HTMLElement[]): void {
  if (body.dataset['key'] === key) return;
  body.dataset['key'] = key;
  body.replaceChildren(...rows());
}
