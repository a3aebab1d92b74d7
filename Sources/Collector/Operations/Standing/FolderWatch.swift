import CollectorSupport
import Foundation
import Glibc

/// Notices changes of files in folders as they happen, and costs nothing while nothing changes. Source: `inotify(7)`.
///
/// A change is a hint: whoever waits looks at the files that matter to them. Network file systems announce nothing that
/// another machine does, so every wait ends after a while, given as `patience`.
package final class FolderWatch: Sendable {
    /// The shortest time between two looks, and the wait where nothing announces changes.
    private static let pause = Duration.seconds(1)
    private static let mask = UInt32(
        IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR)

    private let changes = ChangeSignal()
    /// Negative if the kernel refused: each user has a small number of inotify instances.
    private let descriptor: Int32

    /// Reads for as long as the process lives, so a process needs one.
    package init() {
        descriptor = inotify_init1(Int32(IN_CLOEXEC))
        guard descriptor >= 0 else { return }
        let thread = Thread { [descriptor, changes] in Self.read(descriptor, changes) }
        thread.name = "folders"
        thread.stackSize = 128 << 10
        thread.start()
    }

    /// Watches the folders of these files.
    ///
    /// - Returns: false if changes of some of them are not announced.
    func add(foldersOf paths: [String]) -> Bool {
        guard descriptor >= 0 else { return false }
        // All of them, also after a failure. A folder that is watched already stays so.
        return paths.map { inotify_add_watch(descriptor, FilePath.folder(of: $0), Self.mask) >= 0 }.allSatisfy { $0 }
    }

    /// Looks now, and again after each change of the files' folders, at most once a second; without announcements every second.
    ///
    /// - Parameter patience: the longest time between two looks.
    /// - Returns: when the task is cancelled.
    func repeatedly(after paths: [String], patience: Duration, _ look: () async -> Void) async {
        let isAnnounced = add(foldersOf: paths)
        while !Task.isCancelled {
            // Before the look, so that a change during it brings the next one.
            let seen = changes.number
            await look()
            if isAnnounced {
                await changes.wait(after: seen, for: patience)
                guard changes.number != seen else { continue }
            }
            do { try await Task.sleep(for: Self.pause) } catch { return }
        }
    }

    private static func read(_ descriptor: Int32, _ changes: ChangeSignal) {
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, nil)
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 || errno == EINTR else { return }
            changes.advance()
            // A busy folder costs a few turns a second at most.
            usleep(200_000)
        }
    }
}
