import Glibc
import Shared
package import Transfer

/// What stops promotions at once. It is off only where that could be read.
///
/// ```swift
/// let killSwitch = try options.killSwitch(environment: environment, web: web) { try forgeOptions.forge(…) }
/// try await killSwitch.requireOff(before: deadline)      // 41 unless off; reads everything anew each time
/// ```
package struct KillSwitch: Sendable {
    /// What all sources together say: the first that does not say "off".
    package enum Reading: Hashable, Sendable {
        case off
        case on(String)
        case unreadable(String)
    }

    package let sources: [KillSwitchSource]
    /// As the program got it.
    package let environment: [String: String]
    /// For variables; needed where one is named.
    package let forge: (any Forge)?
    package let web: WebClient
    /// Authorities for URLs, in PEM; the system's, if nil.
    package let certificateAuthorities: String?

    private static let requestTimeout = Duration.seconds(10)
    private let clock = ContinuousClock()

    package init(
        sources: [KillSwitchSource], environment: [String: String], forge: (any Forge)? = nil, web: WebClient,
        certificateAuthorities: String? = nil
    ) {
        self.sources = sources
        self.environment = environment
        self.forge = forge
        self.web = web
        self.certificateAuthorities = certificateAuthorities
    }

    /// Reads every source, anew. Nothing is remembered and nothing is tried twice.
    package func read(before deadline: ContinuousClock.Instant) async -> Reading {
        for source in sources {
            let reading = await read(source, before: deadline)
            if reading != .off { return reading }
        }
        return .off
    }

    /// - Throws: ``GateError/refused(_:)`` unless every source was read and is off.
    package func requireOff(before deadline: ContinuousClock.Instant) async throws(GateError) {
        switch await read(before: deadline) {
        case .off: return
        case .on(let why): throw .refused("the kill switch is on: \(why)")
        case .unreadable(let why): throw .refused("the kill switch cannot be read, which holds: \(why)")
        }
    }

    private func read(_ source: KillSwitchSource, before deadline: ContinuousClock.Instant) async -> Reading {
        switch source {
        case .environment(let name): return Self.judge(environment[name], source)
        case .file(let path):
            switch KillSwitchFile.read(path) {
            case .absent: return .off
            case .text(let text): return Self.judge(text, source)
            case .unreadable(let why): return .unreadable("\(source) \(why)")
            }
        case .url(let url): return await read(url: url, source, before: deadline)
        case .variable(let name, let owner, let kind):
            guard let forge, forge.kind == kind else {
                return .unreadable("\(source) needs \(kind.name): say where it is by --forge and --forge-url")
            }
            do throws(ForgeError) {
                let end = min(deadline, clock.now + Self.requestTimeout)
                return Self.judge(try await forge.variable(name, of: owner, before: end), source)
            } catch {
                return .unreadable("\(source): \(error)")
            }
        }
    }

    private func read(
        url: String, _ source: KillSwitchSource, before deadline: ContinuousClock.Instant
    ) async -> Reading {
        let left = clock.now.duration(to: deadline)
        guard left > .zero else { return .unreadable("\(source): there was no time left to ask") }
        let access = RequestCredentials(
            certificateAuthorities: certificateAuthorities, usesProxy: !url.lowercased().hasPrefix("http://"))
        let answer: TransferResponse
        do throws(TransferFailure) {
            answer = try await web.send(
                WebRequest(
                    url: url, headers: [("Accept", "text/plain"), ("Cache-Control", "no-cache")],
                    within: min(left, Self.requestTimeout), access: access))
        } catch {
            return .unreadable("\(source): no answer (\(error.detail))")
        }
        guard answer.status == 200 else { return .unreadable("\(source): status \(answer.status) instead of 200") }
        let type = (answer.headers["content-type"] ?? "").lowercased()
        guard !type.contains("html") else {
            return .unreadable("\(source): HTML instead of a value: does a proxy or a login page answer?")
        }
        guard answer.body.count <= KillSwitchFile.limit, let text = String(validating: answer.body, as: UTF8.self)
        else {
            return .unreadable("\(source): not a short text")
        }
        return Self.judge(text, source)
    }

    /// - Parameter value: nil where it is certain that nothing is set.
    private static func judge(_ value: String?, _ source: KillSwitchSource) -> Reading {
        guard let value, !KillSwitchValue.isOff(value) else { return .off }
        return .on("\(source) is \(KillSwitchValue.shown(value))")
    }
}

/// Reads a kill switch's file, afresh each time.
enum KillSwitchFile {
    /// More than any word; what is larger is another file.
    static let limit = 4_096

    enum Content: Hashable {
        case text(String)
        /// There is no such file, and the folder that it would be in is there.
        case absent
        case unreadable(String)
    }

    static func read(_ path: String) -> Content {
        // Without waiting: a pipe that nobody writes to would hold the program.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { return missing(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .unreadable(reason(errno)) }
        guard status.st_mode & S_IFMT == S_IFREG else { return .unreadable("is no regular file") }
        var bytes: [UInt8] = []
        while bytes.count <= limit {
            let (count, error) = withUnsafeTemporaryAllocation(byteCount: limit + 1, alignment: 1) { buffer in
                let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                if count > 0 { bytes += buffer.prefix(count) }
                return (count, errno)
            }
            if count == 0 {
                guard let text = String(validating: bytes, as: UTF8.self) else { return .unreadable("is not UTF-8") }
                return .text(text)
            }
            if count < 0, error != EINTR { return .unreadable(reason(error)) }
        }
        return .unreadable("is larger than \(limit) bytes")
    }

    /// Why a file could not be opened. It is absent only where its folder says so: a folder that is gone, or a link that
    /// leads nowhere, is a mistake or a disk that is not mounted.
    private static func missing(_ path: String, _ error: Int32) -> Content {
        guard error == ENOENT else { return .unreadable(reason(error)) }
        var status = stat()
        guard lstat(path, &status) != 0, errno == ENOENT else { return .unreadable("is a link that leads nowhere") }
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            return .unreadable("its folder is not there")
        }
        return .absent
    }

    private static func reason(_ error: Int32) -> String { String(cString: strerror(error)) }
}

/// What the text that a kill switch holds means.
enum KillSwitchValue {
    private static let off: Set<String> = ["", "0", "false", "no", "off"]

    /// Off only for the words that are agreed on, blanks of ASCII around them and case left aside. Whatever else somebody
    /// wrote, a no-break space too, they wanted something to stop.
    static func isOff(_ text: some StringProtocol) -> Bool {
        off.contains(text.trimmingBlanks.lowercased())
    }

    /// The value for a sentence. A long one may be something else that was named by mistake, a token say: not shown.
    static func shown(_ text: some StringProtocol) -> String {
        let value = text.trimmingBlanks
        return value.utf8.count <= 16 ? "'\(Sanitizer.singleLine(value))'" : "a text of \(value.utf8.count) bytes"
    }
}

extension StringProtocol {
    /// Without tabs, line ends and spaces at both ends.
    fileprivate var trimmingBlanks: String {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || (9...13).contains(byte) }
        let start = Array(utf8.drop(while: isBlank))
        guard let last = start.lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(decoding: start[...last], as: UTF8.self)
    }
}
