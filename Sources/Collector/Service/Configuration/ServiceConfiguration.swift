import Inventory
import NIOCore
package import Operations
package import Registry
package import Shared
package import Verdict

/// The configuration of `serve`, as its files state it and without the content of the files that they name.
package struct ServiceConfiguration: Sendable {
    /// A value and the line that states it.
    package struct Placed<Value: Sendable>: Sendable {
        package var value: Value
        package var place: String
    }

    /// What a token permits.
    package enum Scope: String, CaseIterable, Sendable {
        case read
        case verify
        /// To send notices that make the service read tags.
        case hook
    }

    /// A file of tokens, one on each line.
    package struct TokenFile: Sendable {
        package var path: Placed<String>
        package var scopes: Set<Scope>
    }

    /// Jobs of CI runners, which identify themselves with a token of their issuer.
    package struct Identity: Sendable {
        /// Exactly as tokens have it.
        package var issuer: Placed<String>
        /// A token must be for one of them.
        package var audiences: [String] = []
        /// Each claim must have one of these values.
        package var claims: [String: Set<String>] = [:]
        package var scopes: Set<Scope> = []
        /// The authorities of the issuer's certificate; nil for the system's.
        package var authorities: Placed<String>?
    }

    /// A receiver of notices.
    package struct HookEntry: Sendable {
        var name: Placed<String>
        var kind: Hook.Kind
        var secretFile: Placed<String>?
        /// Names of fleets as `SERVICE` or `SERVICE/ENVIRONMENT`; nil for all.
        var fleets: [Placed<DeployedService>]?
    }

    /// The server's certificate.
    package struct TLSFiles: Sendable {
        package var certificate: Placed<String>
        package var key: Placed<String>
        /// The authorities of client certificates; nil to ask for none.
        package var clientAuthorities: Placed<String>?
    }

    /// One service in one environment.
    package struct Fleet: Sendable {
        package var deployed: DeployedService
        /// What `--fleet` takes.
        package var inventory: Placed<String>
        package var credentials = CredentialPaths()
        package var policy = Policy()
        package var inventoryCheck = InventoryCheck()
        package var interval = Fleet.standardInterval
        /// The tag to watch; nil for none.
        package var image: Placed<ImageReference>?
        package var imageCheck = ImageCheck()
        package var place: String

        static let standardInterval = Duration.seconds(15)
    }

    /// How a tag is watched.
    package struct ImageCheck: Sendable {
        package var interval = Duration.seconds(60)
        package var candidates = CandidatePattern.standard
        /// As `--registry-auth-file`.
        package var authFile: Placed<String>?
        /// As `--registry-ca`.
        package var ca: Placed<String>?
        package var usesPlainHTTP = false
    }

    package var listen: [Placed<ListenAddress>] = []
    /// The address that links begin with; nil to use relative ones.
    package var publicURL: String?
    /// The ledger's file; nil for the default.
    package var store: String?
    package var tokens: [TokenFile] = []
    package var identities: [Identity] = []
    /// True if everybody may read, beyond loopback, too.
    package var allowsAnonymous = false
    package var tls: TLSFiles?
    package var fleets: [Fleet] = []
    package var hooks: [HookEntry] = []
    /// How long verifications and their evidence are kept; nil for ever.
    package var verificationAge: Duration?

    static let standardListen = "127.0.0.1:9490"

    /// The name in ``publicURL``, without its port and in lower case.
    var publicHost: String? {
        publicURL.flatMap { $0.split(separator: "/").dropFirst().first }.flatMap { AccessControl.name(String($0)) }
    }
}

/// An address to listen on.
package enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
    case ip(String, port: Int)
    case unix(path: String)

    static let expected = "expected HOST:PORT with an IP address, [V6]:PORT, or unix:/PATH"

    /// nil for anything that ``expected`` does not describe. Port 0 takes any free port.
    package init?(parsing text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard path.hasPrefix("/"), (2...107).contains(path.utf8.count) else { return nil }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        do { _ = try SocketAddress(ipAddress: host, port: Int(port)) } catch { return nil }
        self = .ip(host, port: Int(port))
    }

    /// Who reaches it.
    var reach: AccessControl.Reach {
        switch self {
        case .unix: .socket
        case .ip(let host, _): host == "::1" || host.hasPrefix("127.") ? .loopback : .network
        }
    }

    package var description: String {
        switch self {
        case .ip(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// What is wrong with a configuration: every mistake with its file, line and remedy.
package struct ConfigurationError: ExitCoded, Hashable {
    /// One line each, in the order of the files.
    package let problems: [String]

    package init(_ problems: [String]) {
        self.problems = problems
    }

    package var exitStatus: ExitStatus { .usage }
    package var description: String { problems.joined(separator: "; ") }
}
