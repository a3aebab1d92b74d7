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
