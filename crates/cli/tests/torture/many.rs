//! Several processes on one store.

use super::scene::{Scene, Work};
use super::silence::{Loss, Way};
use super::support::free_address;

#[test]
fn two_runs_of_one_job_beside_a_receiver_never_send_a_batch_twice_though_one_is_killed() {
    for variant in 0..4 {
        let scene = Scene::new(&Work::new(variant, "push"));
        let receiver = free_address();
        let public_url = format!("http://{receiver}");
        let mut receive = scene.numcheck(&["receive", "--json", "--listen", &receiver]).start();
        receive.stdout_line();
        // All plan the same file at the same time: who is outdone says so, and has sent nothing.
        let [one, two, three] =
            [(); 3].map(|()| scene.run_receiving_at(&free_address(), &public_url).start());
        std::thread::sleep(std::time::Duration::from_millis(variant * 60));
        three.kill();
        let exit = super::scene::reference(&scene.work).exit;
        for run in [one, two] {
            let ended = run.end();
            let outdone = ended.stderr.contains("another process plans the same job");
            ended.exits(if outdone { 1 } else { exit });
        }
        scene.check(scene.run_receiving_at(&free_address(), &public_url).run());
        receive.signal("TERM");
        receive.end().exits(0);
    }
}

#[test]
fn run_receive_and_reconcile_may_be_three_processes() {
    let scene = Scene::new(&Work { queried: true, ..Work::new(1, "push") });
    let nobody = format!("http://{}", free_address());
    // Submitting ends by itself, long before the results are due.
    let way = Way::to(scene.sandbox.text("nxcloud"), Loss::Answers);
    let run = scene.run_receiving_at(&free_address(), &nobody).args(["--wait", "1s"]);
    let ended = run.env("NXCLOUD_BASE_URL", &way.url).run().exits(3);
    let job = ended.json()["job"].as_str().unwrap().to_owned();
    let began = std::time::Instant::now();
    // It asks once about what is due, and is asked to until nothing is left.
    loop {
        let ended = scene.numcheck(&["reconcile", &job]).run();
        match ended.status.code() {
            Some(0) => break,
            Some(3) => assert!(began.elapsed().as_secs() < 60, "{}", ended.text()),
            _ => panic!("{}", ended.stderr),
        }
    }
    scene.check(scene.run_receiving_at(&free_address(), &nobody).run());
}
