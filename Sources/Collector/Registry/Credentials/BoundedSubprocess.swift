import Subprocess
import SystemPackage

/// Runs a program with limits on its time and its output.
///
/// swift-subprocess provides most of this: a separate process group, only the given environment, the output limit,
/// `/dev/null` for standard error, and no inherited descriptors. It lacks two things, which are added here:
///
/// - A time limit: after it the run is cancelled, which kills the process group.
/// - Standard input for a program that may not read it: swift-subprocess writes it while the program runs, and a program
///   that ends first raises SIGPIPE in this process. So the input is in the pipe before the program starts.
enum BoundedSubprocess {
    enum Outcome: Hashable, Sendable {
        /// The exit code, or 128 plus the number of the signal that ended it, and its standard output.
        case ended(Int32, [UInt8])
        case tooMuchOutput
        case tooLate
        case cancelled
        case notStarted(String)
    }

    /// - Parameters:
    ///   - input: at most 4 KiB, which every pipe holds.
    ///   - limit: the time after which the program and its process group are killed.
    static func run(
        _ path: String, _ arguments: [String], environment: [String: String], input: [UInt8], outputLimit: Int,
        within limit: Duration
    ) async -> Outcome {
        await withTaskGroup(of: Outcome.self) { group in
            group.addTask {
                await start(path, arguments, environment, input, outputLimit)
            }
            group.addTask {
                do {
                    try await Task.sleep(for: limit)
                    return .tooLate
                } catch {
                    return .cancelled
                }
            }
            let outcome = await group.next() ?? .cancelled
            group.cancelAll()
            return Task.isCancelled ? .cancelled : outcome
        }
    }

    private static func start(
        _ path: String, _ arguments: [String], _ environment: [String: String], _ input: [UInt8], _ outputLimit: Int
    ) async -> Outcome {
        var options = PlatformOptions()
        options.processGroupID = 0
        // The final SIGKILL goes to the group only if a step before it did.
        options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero)]
        // swift-subprocess 1.0.2 reads each entry up to its NUL, and beyond the array without one.
        let variables = environment.map { Array("\($0)=\($1)\0".utf8) }
        var attempts = 100
        while true {
            do {
                let result = try await Subprocess.run(
                    .path(FilePath(path)), arguments: Arguments(arguments), environment: .custom(variables),
                    platformOptions: options,
                    input: .fileDescriptor(try pipe(holding: input), closeAfterSpawningProcess: true),
                    output: .bytes(limit: outputLimit), error: .discarded)
                return switch result.terminationStatus {
                case .exited(let code): .ended(code, result.standardOutput)
                case .signaled(let signal): .ended(128 + signal, result.standardOutput)
                }
            } catch let error as SubprocessError {
                if error.code == .outputLimitExceeded { return .tooMuchOutput }
                attempts -= 1
                // ETXTBSY: the file is open for writing, because it is being installed, or another process has forked and
                // not yet called exec.
                guard error.underlyingError == .textFileBusy, attempts > 0 else { return .notStarted(reason(error)) }
                do { try await Task.sleep(for: .milliseconds(10)) } catch { return .cancelled }
            } catch {
                return .notStarted((error as? Errno)?.description ?? "unknown error")
            }
        }
    }

    /// The error's own description may quote the environment, and secrets with it.
    private static func reason(_ error: SubprocessError) -> String {
        if let errno = error.underlyingError { return errno.description }
        return error.code == .executableNotFound ? "not found or not executable" : "unknown error"
    }

    /// The reading end of a pipe with these bytes in it and nothing after them.
    private static func pipe(holding bytes: [UInt8]) throws(Errno) -> FileDescriptor {
        let (readEnd, writeEnd) = try FileDescriptor.pipe(options: .closeOnExec)
        do {
            defer { try? writeEnd.close() }
            _ = try writeEnd.writeAll(bytes)
        } catch {
            try? readEnd.close()
            throw error as? Errno ?? .ioError
        }
        return readEnd
    }
}
