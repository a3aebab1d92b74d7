import Glibc
import NIOCore
import Shared

/// The reason why the agent cannot start, as one line with the input and the remedy. Ends the program with
/// ``ExitStatus/usage``.
enum AgentError: Error, Hashable, CustomStringConvertible {
    case unknownCommand(String)
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
    /// The flag or environment variable, its value, and the problem.
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
    case readerFlag(String)
    case notReloadable
    case access(AccessError)
    /// A file that `init` would overwrite.
    case outputExists(String)
    /// A folder, a device or a broken link.
    case outputKind(String)

    var description: String {
        switch self {
        case .unknownCommand(let word):
            "unknown command '\(word)': "
                + (Suggestion.question(about: word, among: Agent.commandNames)
                    ?? "see buildinfo-agent --help")
        case .noService:
            "no service declared: list one under 'services' in the configuration file (buildinfo-agent init writes it), or "
                + "add --service NAME=SELECTOR, for example --service canvas=compose:canvas"
        case .serviceSyntax(let text):
            "invalid --service '\(text)': expected NAME=SELECTOR, for example canvas=compose:canvas"
        case .serviceName(let name): "invalid service name '\(name)': \(ServiceDeclaration.expectedName)"
        case .duplicateService(let name): "service '\(name)' is declared twice: give each --service its own name"
        case .instanceCount(let text):
            "invalid --service '\(text)': expected instances=N with N from \(ServiceDeclaration.permittedInstances.lowerBound) "
                + "to \(ServiceDeclaration.permittedInstances.upperBound)"
        case .instancesOfFile(let text):
            "invalid --service '\(text)': a file has no instances to count; remove ',instances='"
        case .unknownSelector(let text):
            "unknown selector '\(text)': expected compose:SERVICE, compose:PROJECT/SERVICE, swarm:SERVICE, container:NAME, "
                + "label:KEY=VALUE, image:REPOSITORY or file:PATH"
        case .selectorValue(let text, let why): "invalid selector '\(text)': \(why)"
        case .probeSyntax(let text):
            "invalid --probe '\(text)': expected NAME=URL, for example canvas=http://127.0.0.1:3000/api/buildinfo"
        case .probeURL(let text, let why): "probe '\(text)' \(why)"
        case .probeWithoutService(let name): "--probe names the service '\(name)', which no --service declares: add it"
        case .duplicateProbe(let name): "service '\(name)' has two probes: keep one --probe"
        case .listenSyntax(let text): "invalid --listen '\(text)': \(ListenAddress.expected)"
        case .beyondLoopback(let address):
            "\(address) is reachable from the network without authentication: listen on 127.0.0.1, add --token-file or "
                + "--tls-client-ca (with the package: 'token' or 'clients.crt' in /etc/buildinfo/access), or permit it with "
                + "--allow-anonymous"
        case .engine(let name, let text, let why): "invalid \(name) '\(text)': \(why)"
        case .hostID(let text): "invalid --host-id '\(text)': \(Self.expectedHostID)"
        case .noMachineID:
            "this machine has no id (/etc/machine-id is missing or empty): set --host-id, or mount the host's "
                + "/etc/machine-id read-only"
        case .hostName(let text): "invalid --host-name '\(text)': \(Self.expectedHostName)"
        case .logLevel(let text):
            "invalid --log-level '\(text)': expected trace, debug, info, notice, warning, error or critical"
        case .logFormat(let text): "invalid --log-format '\(text)': expected text or json"
        case .addressInUse(let address):
            "\(address) is in use: stop the program that listens there, or choose another --listen"
        case .cannotListen(let address, let why): "cannot listen on \(address): \(why); choose another --listen"
        case .access(let error): "\(error)"
        case .outputExists(let path): "\(path) exists: choose another --output, or replace it with --force"
        case .outputKind(let path): "\(path) is not a regular file: choose another --output"
        case .inheritedSocket(let descriptor):
            "inherited file descriptor \(descriptor) is not a listening stream socket: check ListenStream= in the .socket unit"
        case .readerOnNetwork(let address): "invalid --listen '\(address)': expected unix:/PATH for a reader"
        case .readerAddress(let text): "invalid --from '\(text)': expected unix:/PATH, the reader's --listen"
        case .readerFlag(let flag): "\(flag) does not apply with --from: pass it to 'read'"
        case .notReloadable: "only 'serve' and 'read' reload a configuration: start one of them"
        }
    }

    static let expectedHostID = "expected 8 to 64 letters, digits, '.', '_' and '-'"
    static let expectedHostName = "expected 1 to 255 printable characters"

    /// The error for an address that could not be bound.
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
