#include "unit.h"

CU_TestInfo base_random_tests[] = {
	CU_TEST_INFO_NULL,
};
