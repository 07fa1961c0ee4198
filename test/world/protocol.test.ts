import { selectProtocol } from '../../lib/world';

describe('the protocol of a port', () => {
  test.each([
    [{ name: 'http' }, 'HTTP'],
    [{ name: 'http-web' }, 'HTTP'],
    [{ name: 'HTTP2-api' }, 'HTTP2'],
    [{ name: 'grpc-web' }, 'GRPC-Web'],
    [{ name: 'grpc-web-api' }, 'GRPC-Web'],
    [{ name: 'grpc-webby' }, 'GRPC'],
    [{ name: 'mongo-1' }, 'Mongo'],
    [{ name: 'https' }, 'HTTPS'],
    [{ name: 'tls-mail' }, 'TLS'],
    [{ name: 'httpx' }, 'Unknown'],
    [{ name: 'web' }, 'Unknown'],
    [{}, 'Unknown'],
    [{ name: 'tcp', appProtocol: 'http' }, 'HTTP'],
    [{ name: 'http', appProtocol: 'tcp' }, 'TCP'],
    [{ name: 'http', appProtocol: 'example.com/mine' }, 'Unknown'],
    [{ appProtocol: 'kubernetes.io/h2c' }, 'HTTP2'],
    [{ appProtocol: 'kubernetes.io/wss' }, 'HTTPS'],
    [{ name: 'http', protocol: 'UDP' }, 'UDP'],
  ])('%j is %s', (port, protocol) => {
    expect(selectProtocol(port)).toBe(protocol);
  });
});
