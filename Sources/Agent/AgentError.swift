import Glibc
import NIOCore
import Shared

/// Why the agent does not start: each is one line that names the input and the remedy, and each exits with 64.
enum AgentError: Error, Hashable, CustomStringConvertible {
    case noService
    case serviceSyntax(String)
    case serviceName(String)
    case duplicateService(String)
    case instanceCount(String)
    case instancesOfFile(String)
    case unknownSelector(String)
    case selectorValue(String, why: String)
    case probeSyntax(String)
    case probeURL(String, why: String)
    case probeWithoutService(String)
    case duplicateProbe(String)
    case listenSyntax(String)
    case beyondLoopback(String)
    /// - The flag or environment variable, its value, and what is wrong with it.
    case engine(String, String, why: String)
    case hostID(String)
    case noMachineID
    case hostName(String)
    case logLevel(String)
    case logFormat(String)
    case addressInUse(String)
    case cannotListen(String, why: String)
    case inheritedSocket(Int32)
    case readerOnNetwork(String)
    case readerAddress(String)
    case sourceOfFront(String)
    case notReadable
    case access(AccessError)

    var description: String {
        switch self {
        case .noService:
            "no service is named: list one under 'services' in the configuration file, or add --service NAME=SELECTOR, "
                + "for example --service canvas=compose:canvas"
        case .serviceSyntax(let text):
            "--service '\(text)' is not NAME=SELECTOR: write for example canvas=compose:canvas"
        case .serviceName(let name):
            "service name '\(name)' is not usable: take 1 to 128 letters, digits, '.', '_' and '-' (no leading '.')"
        case .duplicateService(let name): "service '\(name)' is named twice: give each --service a name of its own"
        case .instanceCount(let text):
            "invalid --service '\(text)': expected instances=N with N from \(ServiceDeclaration.permittedInstances.lowerBound) "
                + "to \(ServiceDeclaration.permittedInstances.upperBound)"
        case .instancesOfFile(let text):
            "invalid --service '\(text)': a file has no instances to count; remove ',instances='"
        case .unknownSelector(let text):
            "selector '\(text)' is unknown: use compose:SERVICE, compose:PROJECT/SERVICE, swarm:SERVICE, container:NAME, "
                + "label:KEY=VALUE, image:REPOSITORY or file:PATH"
        case .selectorValue(let text, let why): "selector '\(text)' \(why)"
        case .probeSyntax(let text):
            "--probe '\(text)' is not NAME=URL: write for example canvas=http://127.0.0.1:3000/api/buildinfo"
        case .probeURL(let text, let why): "probe '\(text)' \(why)"
        case .probeWithoutService(let name): "--probe names the service '\(name)', which no --service declares: add it"
        case .duplicateProbe(let name): "service '\(name)' has two probes: give it one --probe"
        case .listenSyntax(let text):
            "--listen '\(text)' is no address: write HOST:PORT with a numeric HOST, [V6]:PORT or unix:/PATH"
        case .beyondLoopback(let address):
            "\(address) can be reached by other machines and nobody would have to authenticate: "
                + "listen on 127.0.0.1, add --token-file or --tls-client-ca (as a package: 'token' or 'clients.crt' in "
                + "/etc/buildinfo/access), or permit it with --allow-anonymous"
        case .engine(let name, let text, let why): "invalid \(name) '\(text)': \(why)"
        case .hostID(let text): "--host-id '\(text)' is not usable: take 8 to 64 letters, digits, '.', '_' and '-'"
        case .noMachineID: "this machine has no id (/etc/machine-id is missing or empty): name one with --host-id"
        case .hostName(let text): "--host-name '\(text)' is not usable: take 1 to 255 printable characters"
        case .logLevel(let text):
            "--log-level '\(text)' is unknown: use trace, debug, info, notice, warning, error or critical"
        case .logFormat(let text): "--log-format '\(text)' is unknown: use text or json"
        case .addressInUse(let address):
            "\(address) is in use: stop the program that listens there, or choose another --listen"
        case .cannotListen(let address, let why): "cannot listen on \(address): \(why); choose another --listen"
        case .access(let error): "\(error)"
        case .inheritedSocket(let descriptor):
            "inherited file descriptor \(descriptor) is no listening stream socket: check ListenStream= in the .socket unit"
        case .readerOnNetwork(let address):
            "\(address) is no unix socket, and a reader listens on nothing else: --listen unix:/PATH"
        case .readerAddress(let text): "--from '\(text)' is no unix socket: write unix:/PATH, the reader's --listen"
        case .notReadable: "only 'serve' and 'read' have a configuration that is read again: start one of them"
        case .sourceOfFront(let flag):
            "\(flag) is the reader's, and this front has its evidence from one (--from): give it to 'read'"
        }
    }
}

extension AgentError {
    /// Why an address could not be bound.
    static func bindFailure(_ error: any Error, _ address: String) -> AgentError {
        guard let error = error as? IOError else {
            return .cannotListen(address, why: Sanitizer.singleLine("\(error)", limit: 200))
        }
        switch error.errnoCode {
        case EADDRINUSE: return .addressInUse(address)
        case EADDRNOTAVAIL: return .cannotListen(address, why: "this machine does not have that address")
        case EACCES, EPERM: return .cannotListen(address, why: "permission denied")
        case ENOENT: return .cannotListen(address, why: "its folder does not exist")
        default: return .cannotListen(address, why: "errno \(error.errnoCode)")
        }
    }
}
