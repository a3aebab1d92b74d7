import Glibc
import NIOSSL
import Shared
import Synchronization

/// What secures connections to engines over TCP: `ca.pem`, and `cert.pem` with `key.pem`, in one folder, as Docker's client
/// has them. The engine's certificate is always verified.
///
/// Renewed files are taken up at the next connection; ones that cannot be used leave the former in force.
final class EngineTLS: Hashable, Sendable {
    private struct State {
        var context: NIOSSLContext
        var stamps: [AccessFile.Stamp?]
    }

    let folder: String
    private let state: Mutex<State>

    /// - Throws: what is wrong with the files; what follows "DOCKER_CERT_PATH '…': ".
    init(folder: String) throws(EngineAddress.Defect) {
        self.folder = folder
        let stamps = Self.stamps(folder)
        state = Mutex(State(context: try Self.makeContext(folder), stamps: stamps))
    }

    /// The folder that Docker's client would take: `DOCKER_CERT_PATH`, else its configuration's; nil where there is neither.
    static func folder(environment: [String: String]) -> String? {
        for name in ["DOCKER_CERT_PATH", "DOCKER_CONFIG"] {
            if let path = environment[name], !path.isEmpty { return path }
        }
        return environment["HOME"].flatMap { $0.isEmpty ? nil : "\($0)/.docker" }
    }

    /// For a connection that is made now.
    var context: NIOSSLContext {
        let stamps = Self.stamps(folder)
        return state.withLock { state in
            guard state.stamps != stamps else { return state.context }
            state.stamps = stamps
            // What is half written is read again when it changes again.
            do { state.context = try Self.makeContext(folder) } catch {}
            return state.context
        }
    }

    private static let names = ["ca.pem", "cert.pem", "key.pem"]

    private static func stamps(_ folder: String) -> [AccessFile.Stamp?] {
        names.map { name in
            var status = stat()
            return stat("\(folder)/\(name)", &status) == 0 ? AccessFile.Stamp(status) : nil
        }
    }

    private static func makeContext(_ folder: String) throws(EngineAddress.Defect) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.trustRoots = .certificates(try certificates("ca.pem", in: folder))
        if access("\(folder)/cert.pem", F_OK) == 0 || access("\(folder)/key.pem", F_OK) == 0 {
            configuration.certificateChain = try certificates("cert.pem", in: folder).map { .certificate($0) }
            let bytes = try bytes("key.pem", in: folder)
            do {
                configuration.privateKey = .privateKey(
                    try NIOSSLPrivateKey(bytes: bytes, format: .pem) { $0(Array<UInt8>()) })
            } catch {
                throw EngineAddress.Defect(description: "key.pem holds no PEM key without a passphrase")
            }
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw EngineAddress.Defect(description: "cert.pem and key.pem do not belong together")
        }
    }

    private static func certificates(
        _ name: String, in folder: String
    ) throws(EngineAddress.Defect) -> [NIOSSLCertificate] {
        let bytes = try bytes(name, in: folder)
        do {
            let found = try NIOSSLCertificate.fromPEMBytes(bytes)
            if !found.isEmpty { return found }
        } catch {}
        throw EngineAddress.Defect(description: "\(name) holds no PEM certificate")
    }

    private static func bytes(_ name: String, in folder: String) throws(EngineAddress.Defect) -> [UInt8] {
        switch SmallFile.read("\(folder)/\(name)", limit: 1 << 20) {
        case .success(let bytes): return bytes
        case .failure(.missing): throw EngineAddress.Defect(description: "it holds no \(name)")
        case .failure(.denied): throw EngineAddress.Defect(description: "\(name) may not be read by this user")
        case .failure: throw EngineAddress.Defect(description: "\(name) cannot be read")
        }
    }

    static func == (one: EngineTLS, other: EngineTLS) -> Bool { one.folder == other.folder }
    func hash(into hasher: inout Hasher) { hasher.combine(folder) }
}
