import ArgumentParser
import Shared

/// How the collector authenticates itself, and the hosts.
struct AccessOptions: ParsableArguments {
    @Option(help: "File with the bearer token that hosts ask for.")
    var tokenFile: String?

    @Option(help: "PEM bundle of the authorities that sign the hosts' certificates.")
    var ca: String?

    @Option(help: "PEM file of this collector's client certificate.")
    var cert: String?

    @Option(help: "PEM file of the client certificate's key.")
    var key: String?

    @Option(
        help: "Requests under way at once; as open files allow, if not given.", transform: ArgumentText.positiveCount)
    var concurrency: Int?

    func validate() throws {
        guard key == nil || cert != nil else { throw ValidationError("--key needs --cert") }
    }

    func access() throws -> TransferAccess {
        for (path, flag) in [(ca, "--ca"), (cert, "--cert"), (key, "--key")] {
            if let path { try LocalFile.check(path, flag: flag) }
        }
        return TransferAccess(
            bearerToken: try token(), certificateAuthorities: ca, clientCertificate: cert, clientKey: key)
    }

    private func token() throws -> String? {
        guard let tokenFile else { return nil }
        let bytes = try LocalFile.read(tokenFile, limit: 16 << 10, flag: "--token-file")
        let text = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard text.count == 1, let token = text.first, token.utf8.allSatisfy({ (33...126).contains($0) }) else {
            throw UsageError("--token-file '\(tokenFile)' does not hold one token of printable ASCII on one line")
        }
        return String(token)
    }
}
