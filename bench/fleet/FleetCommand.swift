import ArgumentParser
import Dispatch
import Glibc
import NIOSSL
import Shared
import Synchronization

/// Plays a fleet of hosts on loopback, for measurements of collectors.
@main
struct FleetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "buildinfo-fleet",
        abstract: "Plays a fleet of hosts on loopback: each address from 127.1.0.1 on answers as one host's agent.",
        discussion: """
            A script has one step per line: TIME HOSTS ACTION [DURATION]. HOSTS is all, a number, a range such as 1-100, \
            or a share such as 1%, chosen at random. Actions: former, target (serve that build), converge D (each host \
            serves the target at a random time within D), roll D (one after the other within D), hang, refuse, error \
            (answer 500), answer (answer again), slow D, restart, unhealthy, healthy. With --script -, steps are read from \
            standard input while the fleet runs, and TIME counts from when the step is read.

            SIGUSR1 prints a line of statistics; SIGTERM and SIGINT end the program.
            """)

    @Option(help: ArgumentHelp("Number of hosts, 1 to 999999.", valueName: "n")) var hosts = 1_000
    @Option(help: ArgumentHelp("Port of all hosts; 0 for a free one.", valueName: "port"))
    var port = BuildinfoProtocol.defaultPort
    @Option(help: ArgumentHelp("Service that the hosts report.", valueName: "name")) var service = "canvas"
    @Option(help: ArgumentHelp("Commit of the target.", valueName: "sha"), transform: Self.commit)
    var sha: GitSHA = Self.defaultTarget
    @Option(
        help: ArgumentHelp("Registry digest of the target; none by default.", valueName: "digest"),
        transform: Self.digest)
    var digest: Digest?
    @Option(help: ArgumentHelp("Commit of the former build.", valueName: "sha"), transform: Self.commit)
    var formerSHA: GitSHA = Self.defaultFormer
    @Option(
        help: ArgumentHelp("Registry digest of the former build; none by default.", valueName: "digest"),
        transform: Self.digest)
    var formerDigest: Digest?

    @Option(help: ArgumentHelp("File with the script; - for standard input.", valueName: "path")) var script: String?
    @Option(
        help: ArgumentHelp(
            "Each host serves the target at a random time within this one. As '0s all converge D'.",
            valueName: "duration"),
        transform: Self.duration)
    var convergeOver: Duration?
    @Option(
        help: ArgumentHelp(
            "The hosts serve the target in order within this time. As '0s all roll D'.", valueName: "duration"),
        transform: Self.duration)
    var rollOver: Duration?
    @Option(
        help: ArgumentHelp("Share of hosts that never answer. As '0s P% hang'.", valueName: "percent"),
        transform: Self.share)
    var dead: FleetScript.Selection?
    @Option(
        help: ArgumentHelp("Share of hosts that reset connections. As '0s P% refuse'.", valueName: "percent"),
        transform: Self.share)
    var refuse: FleetScript.Selection?
    @Option(help: ArgumentHelp("Seed of all random choices.", valueName: "n")) var seed: UInt64 = 1
    @Flag(help: "Answer at once, as agents do that do not hold requests.") var noLongPolls = false

    @Option(help: ArgumentHelp("Write the hosts to this file, for --fleet of the collector.", valueName: "path"))
    var inventory: String?
    @Option(help: ArgumentHelp("Write the port to this file when listening.", valueName: "path")) var readyFile: String?
    @Option(help: ArgumentHelp("PEM file of the certificate; the hosts then use HTTPS.", valueName: "path"))
    var tlsCert: String?
    @Option(help: ArgumentHelp("PEM file of the certificate's key.", valueName: "path")) var tlsKey: String?
    @Option(help: ArgumentHelp("Number of event loops, 1 to 64.", valueName: "n")) var threads = 1
    @Option(
        name: .customLong("for"), help: ArgumentHelp("End after this time.", valueName: "duration"),
        transform: Self.duration)
    var lifetime: Duration?

    private static let standardInput = "-"
    static let defaultTarget: GitSHA = made("b")
    static let defaultFormer: GitSHA = made("a")

    mutating func validate() throws {
        guard (1...999_999).contains(hosts) else {
            throw ValidationError("--hosts '\(hosts)' is out of range: pass 1 to 999999")
        }
        guard (0...65_535).contains(port) else {
            throw ValidationError("--port '\(port)' is out of range: pass 0 to 65535")
        }
        guard (1...64).contains(threads) else {
            throw ValidationError("--threads '\(threads)' is out of range: pass 1 to 64")
        }
        guard (tlsCert == nil) == (tlsKey == nil) else {
            throw ValidationError("\(tlsCert == nil ? "--tls-key" : "--tls-cert") is alone: pass both or neither")
        }
        guard convergeOver == nil || rollOver == nil else {
            throw ValidationError("--converge-over and --roll-over contradict each other: pass one of them")
        }
        guard !service.isEmpty, service.utf8.count <= 128,
            service.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !"\"\\/?#%".utf8.contains($0) })
        else {
            throw ValidationError(
                "--service '\(service)' is not usable: pass 1 to 128 letters, digits, '.', '-' or '_'")
        }
    }

    func run() throws {
        do {
            try play()
        } catch let error as FleetError {
            Self.complain("error: \(error)")
            throw ExitCode(ExitStatus.usage.rawValue)
        }
    }

    private func play() throws {
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGUSR1, SIGTERM, SIGINT] { sigaddset(&signals, signal) }
        // Before the first thread, so that all of them inherit the mask.
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        raiseFileLimit()

        let plan = try FleetPlan(
            hosts: hosts, service: service, former: (formerSHA, formerDigest), target: (sha, digest),
            schedule: Schedule(wholeScript(), hosts: hosts, seed: seed), holdsRequests: !noLongPolls)
        let counters = FleetCounters()
        let server = try FleetServer(plan: plan, counters: counters, port: port, threads: threads, tls: tls())
        if let inventory { try writeInventory(inventory, port: server.port) }
        if let readyFile { try Self.write("\(server.port)\n", to: readyFile) }
        let clock = ContinuousClock()
        let start = clock.now
        server.start()
        if script == Self.standardInput { playStandardInput(on: server) }
        say(
            "listening on port \(server.port): \(hosts) hosts, \(FleetPlan.address(of: 0)) to \(FleetPlan.address(of: hosts - 1))"
        )
        loop: while true {
            let left = lifetime.map { max(.zero, $0 - (clock.now - start)) } ?? .seconds(86_400)
            var limit = timespec(
                tv_sec: Int(left.components.seconds), tv_nsec: Int(left.components.attoseconds / 1_000_000_000))
            let signal = sigtimedwait(&signals, nil, &limit)
            switch signal {
            case SIGUSR1: say(Self.statistics(counters, after: clock.now - start))
            case SIGTERM, SIGINT: break loop
            default: if lifetime != nil, left == .zero { break loop }
            }
        }
        say(Self.statistics(counters, after: clock.now - start))
        try server.stop()
    }

    private func wholeScript() throws -> FleetScript {
        var whole = FleetScript()
        func add(_ hosts: FleetScript.Selection, _ action: FleetScript.Action) {
            whole.steps.append(.init(time: .zero, hosts: hosts, action: action))
        }
        if let convergeOver { add(.all, .converge(over: convergeOver)) }
        if let rollOver { add(.all, .roll(over: rollOver)) }
        if let dead { add(dead, .change(.react(.hang))) }
        if let refuse { add(refuse, .change(.react(.refuse))) }
        if let script, script != Self.standardInput { whole.steps += try FleetScript(parsing: Self.read(script)).steps }
        return whole
    }

    /// Plays the steps of standard input as they arrive, until its end.
    private func playStandardInput(on server: FleetServer) {
        let (hosts, seed) = (hosts, seed)
        DispatchQueue.global().async {
            var (number, rest): (UInt64, [UInt8]) = (0, [])
            var chunk = [UInt8](repeating: 0, count: 4_096)
            // Not readLine(), which locks the stream until a line arrives, and fflush(nil) with it.
            while case let count = Glibc.read(STDIN_FILENO, &chunk, chunk.count), count > 0 {
                rest += chunk[..<count]
                let lines = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
                rest = Array(lines[lines.count - 1])
                for line in lines.dropLast() {
                    number += 1
                    do throws(FleetError) {
                        let script = try FleetScript(parsing: String(decoding: line, as: UTF8.self))
                        // Each line chooses its own random hosts.
                        server.play(Schedule(script, hosts: hosts, seed: seed &+ number))
                    } catch {
                        Self.complain("error: \(error)")
                    }
                }
            }
        }
    }

    private func tls() throws -> NIOSSLContext? {
        guard let tlsCert, let tlsKey else { return nil }
        do {
            return try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: NIOSSLCertificate.fromPEMFile(tlsCert).map { .certificate($0) },
                    privateKey: .privateKey(NIOSSLPrivateKey(file: tlsKey, format: .pem))))
        } catch {
            throw FleetError.file(path: "\(tlsCert)' or '\(tlsKey)", reason: "\(error)")
        }
    }

    private func writeInventory(_ path: String, port: Int) throws(FleetError) {
        let scheme = tlsCert == nil ? "http" : "https"
        var text = "{\"service\": \"\(service)\", \"hosts\": [\n"
        text.reserveCapacity(hosts * 96)
        for host in 0..<hosts {
            text += "{\"name\": \"\(FleetPlan.name(of: host))\", "
            text += "\"url\": \"\(scheme)://\(FleetPlan.address(of: host)):\(port)/buildinfo\"}"
            text += host == hosts - 1 ? "\n" : ",\n"
        }
        try Self.write(text + "]}\n", to: path)
    }

    private static func statistics(_ counters: FleetCounters, after time: Duration) -> String {
        let requests = counters.requests.load(ordering: .relaxed)
        return "requests \(requests), \(Int(Double(requests) / max(time.seconds, 0.001))) per second, connections "
            + "\(counters.connections.load(ordering: .relaxed)), open \(counters.open.load(ordering: .relaxed)), held "
            + "\(counters.held.load(ordering: .relaxed)), first request after "
            + "\(counters.firstRequest.load(ordering: .relaxed) / 1_000) ms, after \(time.brief)"
    }

    /// Raises the limit of open files to the permitted maximum: a fleet has a connection per host.
    private func raiseFileLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    private static func complain(_ line: String) {
        let text = Array("\(line)\n".utf8)
        _ = Glibc.write(STDERR_FILENO, text, text.count)
    }
}

extension FleetCommand {
    private static func made(_ digit: Character) -> GitSHA {
        // 40 digits are always a commit.
        guard let sha = GitSHA(contractText: String(repeating: digit, count: 40)) else { preconditionFailure() }
        return sha
    }

    private static func commit(_ text: String) throws -> GitSHA {
        do throws(GitSHA.ParseError) {
            return try GitSHA(parsing: text)
        } catch {
            throw ValidationError("commit '\(text)' \(error): pass 40 hexadecimal digits")
        }
    }

    private static func digest(_ text: String) throws -> Digest {
        do throws(Digest.ParseError) {
            return try Digest(parsing: text)
        } catch {
            throw ValidationError("digest '\(text)' \(error): pass sha256: and 64 digits")
        }
    }

    private static func duration(_ text: String) throws -> Duration {
        do throws(Duration.ParseError) {
            return try Duration(parsing: text)
        } catch {
            throw ValidationError("'\(text)' \(error)")
        }
    }

    private static func share(_ text: String) throws -> FleetScript.Selection {
        guard text.hasSuffix("%"), let share = FleetScript.Selection(parsing: text) else {
            throw ValidationError("'\(text)' is not a share: pass a percentage such as 1%")
        }
        return share
    }

    private static func read(_ path: String) throws(FleetError) -> String {
        guard let file = fopen(path, "re") else { throw .file(path: path, reason: String(cString: strerror(errno))) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func write(_ text: String, to path: String) throws(FleetError) {
        guard let file = fopen(path, "we") else { throw .file(path: path, reason: String(cString: strerror(errno))) }
        let bytes = Array(text.utf8)
        let written = fwrite(bytes, 1, bytes.count, file)
        guard fclose(file) == 0, written == bytes.count else {
            throw .file(path: path, reason: String(cString: strerror(errno)))
        }
    }
}
