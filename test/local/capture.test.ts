import { chooseCapture, type Machine } from '../../lib/local';

describe('the choice of capture', () => {
  test('is transparent for root', async () => {
    await expect(chooseCapture('auto', machine())).resolves.toEqual({
      capture: 'transparent',
      reason: 'root can make network namespaces here',
      userNamespace: false,
    });
  });

  test('is transparent for others where user namespaces are allowed', async () => {
    const ran: string[] = [];
    const choice = await chooseCapture(
      'auto',
      machine({ uid: 1000, run: async (command) => void ran.push(command.join(' ')) }),
    );
    expect(choice).toMatchObject({ capture: 'transparent', userNamespace: true });
    expect(ran[0]).toMatch(/^unshare --user --map-root-user --map-auto --net --mount /);
  });

  test.each<[string, Partial<Machine>]>([
    ['it needs Linux', { platform: 'darwin' }],
    ['ip is not installed (package iproute2)', { hasProgram: async (name) => name !== 'ip' }],
    [
      'it needs root, or user namespaces with newuidmap (package uidmap)',
      { uid: 1000, hasProgram: async (name) => name !== 'newuidmap' },
    ],
    [
      'namespaces cannot be made (unshare failed: Operation not permitted)',
      {
        run: () =>
          Promise.reject(Object.assign(new Error('x'), { stderr: 'unshare failed: Operation not permitted\n' })),
      },
    ],
  ])('is explicit otherwise, and says why: %s', async (obstacle, part) => {
    await expect(chooseCapture('auto', machine(part))).resolves.toEqual({
      capture: 'explicit',
      reason: `transparent capture does not work here: ${obstacle}`,
      userNamespace: false,
    });
    await expect(chooseCapture('transparent', machine(part))).rejects.toThrow(
      `transparent capture does not work here: ${obstacle}; use --capture explicit or auto`,
    );
  });

  test('is explicit when that is asked for', async () => {
    await expect(chooseCapture('explicit', machine())).resolves.toMatchObject({
      capture: 'explicit',
      reason: 'it was asked for',
    });
  });
});

function machine(part: Partial<Machine> = {}): Machine {
  return { platform: 'linux', uid: 0, hasProgram: async () => true, run: async () => {}, ...part };
}
