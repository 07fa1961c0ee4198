import { commandOf, expand } from '../../lib/local/command';

describe('a malha.dev/run annotation', () => {
  const placeholders = { POD_IP: '198.18.0.7', MALHA: ['/usr/bin/node', '/opt/malha.js'] };
  const command = (text: string) => commandOf(text, placeholders, 'Pod shop/a');

  test('is split into words, quotes keep blanks together', () => {
    expect(command(`  node 'my app.js' --name="a b"c ''\n x`)).toEqual(['node', 'my app.js', '--name=a bc', '', 'x']);
  });

  test('has its placeholders filled in, inside words and as several words', () => {
    expect(command('$(MALHA) control-plane --xds $(POD_IP):15010')).toEqual([
      '/usr/bin/node',
      '/opt/malha.js',
      'control-plane',
      '--xds',
      '198.18.0.7:15010',
    ]);
  });

  test.each([
    ['node "a', 'Pod shop/a: a quote (") is not closed in: node "a'],
    ['   ', "Pod shop/a: the command is empty; write a command, or 'none' for what is not run here"],
    ['node $(POD)', 'Pod shop/a: there is no $(POD); allowed are $(POD_IP), $(MALHA)'],
    ['x$(MALHA)', 'Pod shop/a: $(MALHA) has to be a word of its own; allowed are $(POD_IP), $(MALHA)'],
  ])('is refused when it cannot be understood: %j', (text, message) => {
    expect(() => command(text)).toThrow(new Error(message));
  });
});

test('arguments are expanded as the kubelet does it', () => {
  expect(expand('$(A)-$(B)-$$(A)-$A', { A: '1' })).toBe('1-$(B)-$(A)-$A');
});
