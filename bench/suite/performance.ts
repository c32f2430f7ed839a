export async function writePerformance(): Promise<void> {}
